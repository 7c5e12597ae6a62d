# Scene 2, for scripts/demo: a proxy that cuts clients which say nothing for five seconds.

title "2 of 4: a proxy that times out"
cat <<-END
	nginx on port $proxy_port passes WebSockets on to a healthy server on port $backend_port. Its
	proxy_read_timeout is 5 s here (60 s by default), and eight clients say nothing. Each is cut,
	with nothing in any log.
END

# nginx on a port, before the server: what to say of it besides, a line each.
start_proxy() { # PORT DIRECTIVE...
	local folder=$scratch/nginx.$1 port=$1
	shift
	mkdir "$folder"
	cat >"$folder/conf" <<-END
		daemon off;
		master_process off;
		pid $folder/pid;
		error_log $scratch/log warn;
		events {}
		http {
		  access_log off;
		  client_body_temp_path $folder/body;
		  proxy_temp_path $folder/proxy;
		  fastcgi_temp_path $folder/fastcgi;
		  uwsgi_temp_path $folder/uwsgi;
		  scgi_temp_path $folder/scgi;
		  server {
		    listen 127.0.0.1:$port;
		    location / {
		      proxy_pass http://127.0.0.1:$backend_port;
		      $*
		    }
		  }
		}
	END
	start nginx -p "$folder" -e "$scratch/log" -c "$folder/conf"
	until_so 30 "nginx on port $port" listens "$port"
}

start node "$parts/server.mjs" quiet 127.0.0.1 "$backend_port"
until_so 30 "a server on port $backend_port" listens "$backend_port"
start_proxy "$proxy_port" 'proxy_http_version 1.1;' 'proxy_set_header Upgrade $http_upgrade;' \
	'proxy_set_header Connection "upgrade";' 'proxy_read_timeout 5s;'
start node "$parts/clients.mjs" "ws://127.0.0.1:$proxy_port" 8

# How many connections to a port ended with a verdict.
ended() { # PORT VERDICT
	grep '"type":"closed"' "$events" | grep "\"local\":{\"address\":\"[^\"]*\",\"port\":$1}" |
		grep -c "\"verdict\":\"$2\""
}
all_cut() { (($(ended "$proxy_port" local_close) == 8 && $(ended "$backend_port" remote_close) == 8)); }
until_so 60 "eight ends at the proxy and eight behind it" all_cut

shows 4 wsbpf events --no-follow --since 1m verdict local_close and sport = ":$proxy_port"
shows 4 wsbpf events --no-follow --since 1m verdict remote_close and sport = ":$backend_port"
cat <<-END

	So: on the proxy's port the verdict is local_close, as nginx closed first; on the server's
	port it is remote_close: it was nginx, not the server, and always after 5 s without data, and
	without a Close frame: browsers say 1006. A ping every 4 s, or a longer proxy_read_timeout,
	mends it.
END
pause
