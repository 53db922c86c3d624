"""Letters of three by five dots: each row an octal digit, from the top."""

from functools import lru_cache

WIDTH, HEIGHT = 3, 5
SCALE = 3
CELL_WIDTH, CELL_HEIGHT = (WIDTH + 1) * SCALE, (HEIGHT + 1) * SCALE

_ROWS = {
    " ": "00000", "A": "25755", "B": "65656", "C": "34443", "D": "65556", "E": "74647",
    "F": "74644", "G": "34553", "H": "55755", "I": "72227", "J": "11152", "K": "55655",
    "L": "44447", "M": "57755", "N": "65555", "O": "25552", "P": "65644", "Q": "25573",
    "R": "65655", "S": "34216", "T": "72222", "U": "55557", "V": "55552", "W": "55775",
    "X": "55255", "Y": "55222", "Z": "71247", "0": "75557", "1": "26227", "2": "61247",
    "3": "71317", "4": "55711", "5": "74616", "6": "34757", "7": "71122", "8": "75757",
    "9": "75716", ".": "00002", ",": "00024", ":": "02020", ";": "02024", "-": "00700",
    "_": "00007", "/": "11244", "\\": "44211", "@": "25543", "=": "07070", "+": "02720",
    "#": "57575", "$": "36236", "(": "12221", ")": "42224", "[": "64446", "]": "31113",
    "<": "12421", ">": "42124", "'": "22000", '"': "55000", "!": "22202", "?": "61202",
    "*": "52500", "&": "25253", "%": "51245", "|": "22222", "~": "36000", "^": "25000",
    "`": "42000", "{": "32623", "}": "62326",
}  # fmt: skip
_UNKNOWN = "77777"


@lru_cache(maxsize=256)
def strip(text: str, columns: int, ink: bytes, paper: bytes) -> bytes:
    """A line of text as rows of pixels; `ink` and `paper` are one pixel each."""
    shapes = [_ROWS.get(letter.upper(), _UNKNOWN) for letter in text[:columns].ljust(columns)]
    rows = []
    for y in range(HEIGHT):
        row = b"".join(_dots(int(shape[y], 8), ink, paper) for shape in shapes)
        rows += [row] * SCALE
    return b"".join([*rows, *[paper * (CELL_WIDTH * columns)] * SCALE])


def _dots(bits: int, ink: bytes, paper: bytes) -> bytes:
    dots = [ink if bits & mask else paper for mask in (4, 2, 1)]
    return b"".join(dot * SCALE for dot in (*dots, paper))
