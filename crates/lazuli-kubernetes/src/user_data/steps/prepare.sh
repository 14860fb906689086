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
  case $syntax in
    2) plugin=io.containerd.grpc.v1.cri ;;
    3) plugin=io.containerd.cri.v1.runtime ;;
    *) fail "$config has version '$syntax', not 2 or 3" ;;
  esac
  # Into the file itself: of containerd 1, an imported file replaces everything that is said of a plugin, such as its
  # cgroups and its pause image.
  before=$(containerd config dump | grep -c 'SystemdCgroup = true') || true
  table="^ *\[plugins\.[\"']$plugin[\"']\.cni\]"
  if grep -q "$table" "$config"; then
    sed -i "/$table/,/^ *\[/ { /conf_template/d }" "$config"
    sed -i "/$table/a conf_template = \"$cni\"" "$config"
  else
    printf '\n[plugins."%s".cni]\n  conf_template = "%s"\n' "$plugin" "$cni" >>"$config"
  fi
  after=$(containerd config dump | grep -c 'SystemdCgroup = true') || true
  containerd config dump | grep -F "$cni" >/dev/null || fail "containerd does not take $cni for its CNI template: does another file that $config imports configure its CRI plugin?"
  [ "$before" = "$after" ] || fail "containerd lost its systemd cgroups (SystemdCgroup) when $config was given a CNI template"
fi

# kubeadm starts the kubelet once it has a configuration.
systemctl daemon-reload
systemctl enable containerd
systemctl restart containerd
systemctl enable kubelet
