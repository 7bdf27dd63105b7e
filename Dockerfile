# sis-edge with every extra but rtx, and torch's CPU build. docs/how-to/install.md has the commands.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# First what changes rarely, so that a change of the code builds only the last layers.
COPY Makefile constraints.txt ./
COPY requirements requirements
RUN make VENV=/opt/sis-edge /opt/sis-edge/.torch \
    && /opt/sis-edge/bin/python -m pip install --no-cache-dir --no-deps --require-hashes --requirement requirements/all.txt
COPY . .
RUN /opt/sis-edge/bin/python -m pip install --no-cache-dir --no-deps --no-build-isolation .

FROM ${BASE}
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates openssh-client python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 sis-edge \
    && chmod 1777 /home/sis-edge
COPY --from=build /opt/sis-edge /opt/sis-edge
# A folder that any user may write to: `docker run --user` names one that the image does not know.
ENV HOME=/home/sis-edge PATH=/opt/sis-edge/bin:$PATH
USER 1000
WORKDIR /work
ENTRYPOINT ["sis-edge"]
CMD ["--help"]
