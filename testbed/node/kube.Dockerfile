# The control plane's image: one program under five names, and for kube-proxy iptables with the libraries it loads.
ARG BASE
FROM ${BASE} AS debian
RUN set -e; \
    lib=/usr/lib/$(uname -m)-linux-gnu; \
    mkdir -p /image/tmp /image/run /image/etc /image/usr/sbin /image/usr/local/bin /image$lib; \
    cp /usr/sbin/xtables-nft-multi /image/usr/sbin/; \
    for name in iptables ip6tables; do \
      for suffix in "" -save -restore; do ln -s xtables-nft-multi /image/usr/sbin/$name$suffix; done; \
    done; \
    cp -r $lib/xtables /image$lib/; \
    for file in /usr/sbin/xtables-nft-multi $lib/xtables/*.so; do ldd $file || true; done \
      | grep -oE '/[^ ]+\.so[^ ]*' | sort -u | while read -r library; do \
        mkdir -p /image$(dirname $library); cp -L $library /image$library; done; \
    for name in kube-apiserver kube-controller-manager kube-scheduler kube-proxy etcd; do \
      ln -s hyperkube /image/usr/local/bin/$name; done

FROM scratch
COPY --from=debian /image/ /
COPY hyperkube /usr/local/bin/hyperkube
