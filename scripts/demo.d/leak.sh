# Scene 1, for scripts/demo: a server that never closes what its clients have left.

title "1 of 4: a server that leaks"
cat <<-END
	75 clients connect to a Node.js server on port $leak_port, and 63 leave without a Close frame,
	as a browser does that is ended. Their kernels send a FIN. The server reads the end of file
	and does not care: it never closes its ends. They stay in CLOSE_WAIT, each with its file
	descriptor and memory, until it is full.
END

start node "$parts/server.mjs" leak 127.0.0.1 "$leak_port"
leaker=$!
until_so 30 "a server on port $leak_port" listens "$leak_port"
start node "$parts/clients.mjs" "ws://127.0.0.1:$leak_port" 75 63

all_leaked() { (($(wsbpf list -o jsonl state close-wait and sport = ":$leak_port" | wc -l) == 63)); }
alert_fires() { { wsbpf check || true; } | grep -q "^  63 connections in CLOSE_WAIT on port $leak_port"; }
until_so 60 "63 connections in CLOSE_WAIT on port $leak_port" all_leaked
until_so 60 "the alert CloseWaitAccumulation" alert_fires

shows 6 wsbpf list state close-wait --sort -state_age
shows 9 wsbpf top -b -n 1
shows 6 wsbpf check
cat <<-END

	So: 63 in CLOSE_WAIT, owned by node[$leaker], and check ends with exit code 3 for scripts.
	RECV-Q 0 says that the server has read the end of file and never called close().
END
pause
