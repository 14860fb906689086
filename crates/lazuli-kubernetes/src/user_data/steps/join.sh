kubeadm join --config /run/lazuli/kubeadm.yaml
if [ -n "$host" ]; then
  # A machine behind an internal load balancer does not reach itself through it. Not earlier: until here the API is that
  # of other machines.
  echo "127.0.0.1 $host # lazuli: no way back from the internal load balancer" >>/etc/hosts
fi
