# The panel for production. Everything that builds stays in the first stage.
FROM python:3.11-slim AS build

RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential pkg-config default-libmysqlclient-dev \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /srv/panel
COPY requirements.txt package.json package-lock.json .npmrc ./
COPY dev dev
# The scheme alone says that the MySQL driver has to be built.
RUN DATABASE_URL=mysql:// python3 -m dev.setup && rm -rf node_modules
COPY . .


FROM python:3.11-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends libmariadb3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/panel panel \
    && install --directory --owner panel --mode 750 /var/lib/panel

COPY --from=build /srv/panel /srv/panel
WORKDIR /srv/panel
ENV PATH=/srv/panel/.venv/bin:$PATH \
    PANEL_VAR=/var/lib/panel \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER panel
VOLUME /var/lib/panel
EXPOSE 8000
CMD ["daphne", "--bind", "0.0.0.0", "--port", "8000", "--verbosity", "0", "--no-server-name", "panel.asgi:application"]
