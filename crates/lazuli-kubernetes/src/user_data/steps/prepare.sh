fail() {
  echo "lazuli: $*"
  exit 1
}

for tool in containerd kubeadm kubelet; do
  command -v "$tool" >/dev/null || fail "the image has no $tool: use an image made for Kubernetes $kubernetes"
done
found=$(kubeadm version -o short)
[ "$found" = "$kubernetes" ] || fail "the image has kubeadm $found, the profile asks for $kubernetes"

if [ -n "$etcd" ]; then
  mountpoint -q "$etcd" || fail "nothing is mounted at $etcd, etcd's disk (LUN 0) is missing or has no file system: see /var/log/cloud-init.log"
fi

# The kubelet refuses to start while there is swap.
swapoff -a
systemctl mask swap.target

modprobe -a overlay br_netfilter
sysctl -q -p /etc/sysctl.d/99-lazuli.conf

if [ -n "$cni" ]; then
  config=/etc/containerd/config.toml
  [ -x /opt/cni/bin/bridge ] || fail "the image has no CNI plugins in /opt/cni/bin"
  syntax=$(sed -n -E 's/^version *= *([0-9]+).*/\1/p' "$config" | head -n 1)
  [ -e "/etc/containerd/lazuli/cni-v$syntax.toml" ] || fail "$config has version '$syntax', not 2 or 3"
  if ! grep -q '^imports.*conf\.d/' "$config"; then
    if grep -q '^imports' "$config"; then
      fail "$config imports other files than those of /etc/containerd/conf.d"
    fi
    sed -i '1i imports = ["/etc/containerd/conf.d/*.toml"]' "$config"
  fi
  install -D -m 0644 "/etc/containerd/lazuli/cni-v$syntax.toml" /etc/containerd/conf.d/90-lazuli-cni.toml
  containerd config dump | grep -F "$cni" >/dev/null || fail "containerd does not take $cni for its CNI template"
fi

# kubeadm starts the kubelet once it has a configuration.
systemctl daemon-reload
systemctl enable containerd
systemctl restart containerd
systemctl enable kubelet
