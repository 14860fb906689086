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

# kubeadm starts the kubelet once it has a configuration.
systemctl daemon-reload
systemctl enable --now containerd
systemctl enable kubelet
