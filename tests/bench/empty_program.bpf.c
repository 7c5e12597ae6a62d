/* Programs that do nothing: what they take is the price of being called, and of being timed, on
 * this machine. One is on the tracepoint that costs most, the other one on each packet. */
char LICENSE[] __attribute__((section("license"), used)) = "GPL";

__attribute__((section("tp_btf/inet_sock_set_state"), used)) int empty(void *context)
{
	return 0;
}

__attribute__((section("cgroup_skb/egress"), used)) int empty_packet(void *context)
{
	return 1;
}
