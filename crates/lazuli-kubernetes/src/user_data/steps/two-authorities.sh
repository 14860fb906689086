# Two authorities are trusted while one takes the place of the other.
#
# kubeadm writes the first certificate of ca.crt alone into admin.conf, and asks with that file whatever API server the
# load balancer picks, also one of the other authority. So it stops after writing it, and goes on when the file has both.
# (The kubeconfigs of the controller manager and the scheduler lead to the API server beside them, which has a certificate
# of the first; that of the kubelet has both, from cluster-info.)
kubeadm() {
  local config=/run/lazuli/kubeadm.yaml signing=/etc/kubernetes/pki/signing-ca.crt kept=/etc/lazuli/signing-ca.crt both
  if [ "$*" != "join --config $config" ]; then
    command kubeadm "$@"
    return
  fi
  # `kubeadm reset` empties the folder.
  if [ ! -e "$kept" ]; then
    install -D -m 0644 "$signing" "$kept" || return
  fi
  install -D -m 0644 "$kept" "$signing" || return
  command kubeadm join phase preflight --config "$config" || return
  command kubeadm join phase control-plane-prepare all --config "$config" || return
  both=$(base64 -w 0 /etc/kubernetes/pki/ca.crt) || return
  sed -i "s|certificate-authority-data: .*|certificate-authority-data: $both|" /etc/kubernetes/admin.conf || return
  command kubeadm join --config "$config" --skip-phases preflight,control-plane-prepare
}
