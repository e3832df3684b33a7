# Makes a private PostgreSQL cluster, says `ready`, and removes it once its standard input ends.
# The pipe is what ties the cluster to its owner: however the owner ends (return, panic, Ctrl-C, kill -9), the kernel
# closes it. Arguments: folder of the programs, folder of the cluster, port, password, then lines of postgresql.conf.
set -eu
trap '' INT TERM HUP
bin=$1 dir=$2 port=$3 password=$4
shift 4
export LC_ALL=C PGDATA="$dir/data"
cd "$dir"

finish() {
    status=$?
    [ -z "${listener-}" ] || kill -9 "$listener" || true
    [ "$status" -eq 0 ] || tail -n 20 log
    if [ -f data/postmaster.pid ]; then "$bin/pg_ctl" stop --mode=immediate --silent >>log 2>&1 || true; fi
    cd /
    rm -rf "$dir"
}
trap finish EXIT

"$bin/initdb" --username=rig --locale=C --encoding=UTF8 --no-sync \
    --auth-local=trust --auth-host=scram-sha-256 >>log 2>&1
{
    printf "listen_addresses = '127.0.0.1'\nport = %s\nunix_socket_directories = '%s'\n" "$port" "$dir"
    printf '%s\n' "$@"
} >>data/postgresql.conf
# The single-user server makes the roles. `ork_owner` owns the databases of tests, `ork_app` works on them, and the others are
# there to be refused. Autovacuum in a database that a test drops is ended by the drop, which takes `pg_signal_backend`.
sed "s/PASSWORD/password '$password'/" <<'END' | "$bin/postgres" --single -F postgres >>log 2>&1
create role ork_engine
create role ork_api
create role ork_owner login createdb createrole in role pg_signal_backend PASSWORD
create role ork_app login in role ork_engine, ork_api PASSWORD
create role ork_stranger login PASSWORD
create role ork_bypass login bypassrls in role ork_engine, ork_api PASSWORD
create role ork_member login in role ork_engine, ork_api, ork_owner PASSWORD
create role ork_super login superuser in role ork_engine, ork_api PASSWORD
END
"$bin/pg_ctl" start --wait --timeout=60 --log="$dir/log" --silent >>log 2>&1
# Whoever proves what an outage does writes a word into the pipe `control`. An end is as sudden as a crash.
listen() {
    while read -r word; do
        case $word in
        start) "$bin/pg_ctl" start --wait --timeout=60 --log="$dir/log" --silent ;;
        stop | restart) "$bin/pg_ctl" "$word" --wait --timeout=60 --mode=immediate --log="$dir/log" --silent ;;
        esac >>log 2>&1 || true
    done
}
mkfifo control
listen <>control &
listener=$!
echo ready
cat >/dev/null
