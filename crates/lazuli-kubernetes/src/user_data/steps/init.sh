if [ -n "$host" ]; then
  # A machine behind an internal load balancer does not reach itself through it: kubeadm, and later the kubelet, reach
  # the API of this machine directly.
  echo "127.0.0.1 $host # lazuli: no way back from the internal load balancer" >>/etc/hosts
fi
# Images can be fetched again and again. What comes after them cannot be begun anew: that would take the keys away.
for pause in 10 20 40 60 60; do
  if kubeadm config images pull --config /run/lazuli/kubeadm.yaml; then
    break
  fi
  echo "lazuli: the images could not be fetched, trying again in $pause seconds"
  sleep "$pause"
done
kubeadm init --config /run/lazuli/kubeadm.yaml --skip-token-print
