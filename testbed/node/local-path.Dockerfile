# The storage provisioner, and the shell that its helper pods make and remove folders with.
ARG BASE
FROM ${BASE} AS debian
RUN mkdir -p /image/bin /image/tmp && cp /bin/busybox /image/bin/ && \
    for name in sh mkdir rm; do ln -s busybox /image/bin/$name; done

FROM scratch
COPY --from=debian /image/ /
COPY local-path-provisioner /usr/bin/local-path-provisioner
CMD ["local-path-provisioner"]
