# One image for both processes: `python -m herald.server` (the default) and `arq herald.worker.main.WorkerSettings`.

FROM node:22-slim AS page
WORKDIR /herald
COPY package.json package-lock.json .npmrc ./
RUN npm ci --silent --ignore-scripts --omit=dev

FROM python:3.13-slim AS packages
COPY requirements.txt ./
RUN python -m venv /venv && /venv/bin/pip install --quiet --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home herald
WORKDIR /herald
COPY --from=packages /venv /venv
COPY --from=page /herald/node_modules node_modules
COPY pyproject.toml README.md LICENSE ./
COPY server server
COPY worker worker
COPY shared shared
COPY static static
RUN /venv/bin/pip install --quiet --no-cache-dir --no-deps --no-build-isolation --editable .
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HERALD_ENV=production HERALD_HOST=0.0.0.0 PORT=8000
USER herald
EXPOSE 8000
# For the web process; a worker has no port. Check workers with `herald check`.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz')"]
CMD ["python", "-m", "herald.server"]
