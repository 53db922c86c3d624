"""What a page says, without its markup."""

import re
from html.parser import HTMLParser


class Texts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []
        self.silent = 0

    def handle_starttag(self, tag, attrs):
        self.silent += tag in {"script", "style"}

    def handle_endtag(self, tag):
        self.silent -= tag in {"script", "style"}

    def handle_data(self, data):
        if not self.silent:
            self.found.append(data)


def text_of(response):
    """All that is to be read, every kind of white space as one blank."""
    texts = Texts()
    texts.feed(response.content.decode())
    return re.sub(r"\s+", " ", " ".join(texts.found))


def row_of(response, name):
    """The markup of one server's row."""
    rows = re.findall(r'<tr class="server".*?</tr>', response.content.decode(), re.DOTALL)
    return next(row for row in rows if f'data-name="{name}"' in row)
