# One image for both processes: `herald web` (the default) and `herald worker`. For tasks of your own, add
# `COPY shop shop` to an image made `FROM` this one, and run `herald worker shop.tasks`.

FROM python:3.13-slim AS packages
WORKDIR /herald
COPY requirements.txt ./
RUN python -m venv /venv && /venv/bin/pip install --quiet --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY server server
COPY worker worker
COPY shared shared
COPY static static
RUN /venv/bin/pip install --quiet --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home herald
COPY --from=packages /venv /venv
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HERALD_ENV=production HERALD_HOST=0.0.0.0 PORT=8000
USER herald
EXPOSE 8000
# For the web process; a worker has no port. Check workers with `herald check`.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz')"]
CMD ["herald", "web"]
