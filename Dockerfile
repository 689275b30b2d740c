# The proxy:    docker build -t imapproxy . && docker run -p 127.0.0.1:1143:1143 imapproxy \
#                   --upstream imaps://imap.example.com
# The fake server for tests:  docker build --target fakeserver -t fakeserver .
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY imapproxy imapproxy
COPY fakeserver fakeserver
COPY twisted twisted
RUN python -m venv /opt/imapproxy && /opt/imapproxy/bin/pip install --no-cache-dir .

FROM python:3.13-slim AS base
COPY --from=build /opt/imapproxy /opt/imapproxy
ENV PATH=/opt/imapproxy/bin:$PATH PYTHONUNBUFFERED=1
RUN useradd --system --uid 1143 --home-dir /data imapproxy \
    && install -d -o imapproxy -m 0700 /data
USER imapproxy
VOLUME /data

FROM base AS fakeserver
EXPOSE 1143 1993
ENTRYPOINT ["fakeserver"]
CMD ["--listen", "0.0.0.0:1143", "--tls-listen", "0.0.0.0:1993"]

FROM base AS imapproxy
EXPOSE 1143
# The greeting is the proxy's own, so this tells of the proxy alone, not of the upstream.
HEALTHCHECK --interval=30s --timeout=5s CMD ["python", "-c", \
    "import socket; s = socket.create_connection(('127.0.0.1', 1143), 3); \
     raise SystemExit(not s.recv(99).startswith(b'* OK'))"]
# Inside of a container the address has to be the container's own; publish it on the host's
# loopback only (-p 127.0.0.1:1143:1143).
ENTRYPOINT ["imapproxy", "run", "--listen", "0.0.0.0:1143", "--allow-remote", "--data-dir", "/data"]
