# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# mevnode in a container: `docker build -t mevnode .`; docker-compose.yml has it with traffic.
#
#	build ---> traffic	generator, tcpreplay, comparison with the prediction
#	      \--> node		the node alone; the last stage, so the one that is built unless asked
#
# Both run as the user mevnode from the first process on. Docker gives such a user none of the
# capabilities that `cap_add` names (Podman does), it only bounds what files may give. So the files
# that need one have it: as =p, which grants what the container was given, not =ep, which would not
# start at all with less. What each is for: docs/containers.md.

FROM debian:bookworm-slim AS build
WORKDIR /src
COPY scripts/setup.sh scripts/
RUN scripts/setup.sh --list build >packages \
 && apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive xargs -a packages \
    apt-get install -y -qq --no-install-recommends >/dev/null \
 && rm -rf /var/lib/apt/lists/*
COPY . .
RUN make -j"$(nproc)" && make install DESTDIR=/out PREFIX=/usr
# The packages of the libraries that the node was linked with.
RUN ldd build/mevnode | sed -n 's|.*=> /\(.*\) (.*|*/\1|p' | xargs dpkg -S | sed 's/:.*//' \
    >/packages

# What both have: the node, libraries, ip and setpriv.
FROM debian:bookworm-slim AS base
COPY --from=build /packages /tmp/
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive xargs -a /tmp/packages \
    apt-get install -y -qq --no-install-recommends iproute2 libcap2-bin >/dev/null \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --user-group --no-create-home --shell /usr/sbin/nologin mevnode
COPY --from=build /out /
COPY scripts/containers/health.sh /usr/lib/mevnode/
RUN mevnode --version \
 && setcap cap_net_admin,cap_net_raw,cap_bpf,cap_perfmon,cap_ipc_lock=p /usr/sbin/mevnode \
 && setcap cap_net_admin=p /usr/bin/setpriv

FROM base AS traffic
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 tcpdump \
    tcpreplay >/dev/null \
 && rm -rf /var/lib/apt/lists/* \
 && setcap cap_net_raw=ep /usr/bin/tcpdump \
 && setcap cap_net_raw=ep /usr/bin/tcpreplay
COPY scripts /usr/lib/mevnode/scripts
USER mevnode
ENTRYPOINT ["/usr/lib/mevnode/scripts/containers/traffic.sh"]

FROM base AS node
COPY scripts/containers/node.sh /usr/lib/mevnode/
USER mevnode
ENTRYPOINT ["/usr/lib/mevnode/node.sh"]
