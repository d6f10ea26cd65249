#!/bin/sh
# Give this pod's user number a name, which nbgrader asks for: jovyan, for which it takes the hub's name of the user.
set -eu
whoami >/dev/null 2>&1 || echo "jovyan:x:$(id -u):0::/home/jovyan:/bin/sh" >> /etc/passwd
umask 077
exec "$@"
