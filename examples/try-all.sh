#!/usr/bin/env bash
# Tries what the READMEs and the examples themselves say: starts each Task API with its local issuer, runs the curl lines that it
# prints, and compares every answer with the one expected; then verify-token, service-to-service, replicas that share a Redis, and wrong
# settings.
#
#   examples/try-all.sh
#
# Needs bash, curl, cargo and redis-server. Exit status 0 when all is as it should be; otherwise the differences are shown.
set -euo pipefail
cd "$(dirname "$0")/.."
# What listens on this machine is asked without a proxy.
export no_proxy="127.0.0.1,localhost${no_proxy:+,$no_proxy}"
export NO_PROXY=$no_proxy
unset RAMPART_CONFIG RAMPART_URL RAMPART_ISSUER RAMPART_CLIENT_ID RAMPART_CLIENT_SECRET RAMPART_REALM API_AUDIENCE INTROSPECTION_SECRET PORT RUST_LOG "${!ROCKET_@}"

work=$(mktemp -d)
started=()
finish() {
    for pid in ${started[@]+"${started[@]}"}; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap finish EXIT

failures=0
# same WHAT EXPECTED ACTUAL: compares two files.
same() {
    if diff -u --label expected --label actual "$2" "$3" >"$work/diff"; then
        echo "ok      $1"
    else
        failures=$((failures + 1))
        echo "DIFFERS $1"
        sed 's/^/        /' "$work/diff"
    fi
}
# says WHAT STATUS TEXT COMMAND..: it ends with this exit status and says this, among other things, within a minute.
says() {
    local what=$1 status=$2 text=$3 pid actual=0
    shift 3
    "$@" >"$work/said" 2>&1 </dev/null &
    pid=$!
    started+=("$pid")
    for _ in {1..600}; do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill "$pid" 2>/dev/null || true
    wait "$pid" || actual=$?
    unset 'started[-1]'
    if [[ $actual == "$status" ]] && grep -qF -- "$text" "$work/said"; then
        echo "ok      $what"
    else
        failures=$((failures + 1))
        echo "DIFFERS $what: expected exit status $status and \"$text\", got $actual and"
        sed 's/^/        /' "$work/said"
    fi
}
# until_found TEXT FILE: waits until a program has printed this.
until_found() {
    for _ in {1..600}; do
        grep -qF -- "$1" "$2" && return
        sleep 0.1
    done
    echo "no \"$1\" within a minute in:"
    sed 's/^/        /' "$2"
    exit 1
}

command -v redis-server >/dev/null || { echo "redis-server is missing; install it, such as by: apt-get install redis-server"; exit 1; }

# Every program that a README runs must exist; cargo says where it has put them.
declare -A program
mapfile -t names < <({
    echo rampart-issuer
    grep -ohE -- '--bin [a-z-]+' README.md examples/*.md rampart-*/README.md 2>/dev/null | cut -d' ' -f2
} | sort -u)
echo "building ${names[*]}"
while IFS= read -r path; do
    program[$(basename "$path")]=$path
done < <(cargo build --locked --quiet --message-format=json "${names[@]/#/--bin=}" | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
for name in task-api-axum task-api-actix task-api-rocket verify-token service-to-service rampart-sample-backend "${names[@]}"; do
    [[ -n ${program[$name]:-} ]] || { echo "no program $name"; exit 1; }
done

# What every Task API prints, and what becomes of it: `$` a line to try, `<` the part of its answer that is promised.
cat >"$work/expected" <<'END'
$ curl -i API/health # 200
< 200
< content-type: application/json
< {"status":"ok"}
$ curl -i API/api/profile # 401: no token
< 401
< cache-control: no-store
< content-type: application/json
< www-authenticate: Bearer realm="default"
< {"error":"unauthorized","error_description":"This resource requires an access token: Authorization: Bearer <token>","status":401}
$ curl -i API/api/profile -H "Authorization: Bearer $USER_TOKEN" # 200
< 200
< content-type: application/json
< {"user_id":"0b8f7c5e-3c52-4a1f-9d7e-5f2a6c1b9e01","email":"ada@example.com","roles":["user"]}
$ curl -i API/api/profile -H "Authorization: Bearer forged" # 401: not a token
< 401
< cache-control: no-store
< content-type: application/json
< www-authenticate: Bearer realm="default", error="invalid_token", error_description="The access token is invalid"
< {"error":"invalid_token","error_description":"The access token is invalid","status":401}
$ curl -i API/api/tasks -H "Authorization: Bearer $USER_TOKEN" # 200
< 200
< content-type: application/json
< {"tasks":[]}
$ curl -i API/api/tasks -H "Authorization: Bearer $USER_TOKEN" -d '{"title":"Mine"}' # 403: no scope
< 403
< cache-control: no-store
< content-type: application/json
< www-authenticate: Bearer realm="default", error="insufficient_scope", error_description="The access token lacks the scope tasks:write", scope="tasks:write"
< {"error":"insufficient_scope","error_description":"The access token lacks the scope tasks:write","status":403}
$ curl -i API/api/tasks -H "Authorization: Bearer $WRITER_TOKEN" -d '{"title":"Mine"}' # 201
< 201
< content-type: application/json
< {"id":"1","title":"Mine","assignee":"writer"}
$ curl -i API/api/emails/send -H "Authorization: Bearer $WRITER_TOKEN" -X POST # 200
< 200
< content-type: application/json
< {"sent":true}
$ curl -i API/api/admin/stats -H "Authorization: Bearer $WRITER_TOKEN" # 403: no role
< 403
< cache-control: no-store
< content-type: application/json
< www-authenticate: Bearer realm="default", error="insufficient_scope", error_description="The access token lacks the role admin"
< {"error":"insufficient_role","error_description":"The access token lacks the role admin","status":403}
$ curl -i API/api/admin/stats -H "Authorization: Bearer $ADMIN_TOKEN" # 200
< 200
< content-type: application/json
< {"total_users":1,"total_tasks":1}
$ curl -i API/api/feed # 200: public
< 200
< content-type: application/json
< {"feed":"public"}
$ curl -i API/api/admin/revocations -H "Authorization: Bearer $ADMIN_TOKEN" -d '{"iss":"ISSUER","sub":"writer","issued_before":NOW}' # 204: from now on
< 204
<
$ curl -i API/api/profile -H "Authorization: Bearer $WRITER_TOKEN" # 401: revoked
< 401
< cache-control: no-store
< content-type: application/json
< www-authenticate: Bearer realm="default", error="invalid_token", error_description="The access token is invalid"
< {"error":"invalid_token","error_description":"The access token is invalid","status":401}
$ eval "$(RAMPART_URL=ISSUER cargo run -q -p rampart-issuer logout API/backchannel-logout sub=admin)" # 200
< 200
< cache-control: no-store
<
$ curl -i API/api/admin/stats -H "Authorization: Bearer $ADMIN_TOKEN"
< 401
< cache-control: no-store
< content-type: application/json
< www-authenticate: Bearer realm="default", error="invalid_token", error_description="The access token is invalid"
< {"error":"invalid_token","error_description":"The access token is invalid","status":401}
END
# What the printed lines run by cargo has been built.
cargo() {
    until [[ $1 == dpop || $1 == logout ]]; do shift; done
    "${program[rampart-issuer]}" "$@"
}

# start NAME [VARIABLE=VALUE..]: runs a Task API on a free port, with the arguments in `arguments`; sets `api` and `printed`.
arguments=()
start() {
    local name=$1
    shift
    printed=$work/$name.$#.out
    : >"$printed"
    env PORT=0 "$@" "${program[$name]}" ${arguments[@]+"${arguments[@]}"} >>"$printed" 2>"$printed.log" &
    started+=($!)
    until_found "Task API on" "$printed"
    api=$(sed -n 's/^Task API on .*: \(http:.*\)$/\1/p' "$printed")
    curl -sS -o "$work/health" --retry 60 --retry-connrefused --retry-delay 1 "$api/health"
}

# The issuer and the tokens that the last Task API has printed.
take_tokens() {
    until_found "$api/backchannel-logout" "$printed"
    issuer=$(sed -n 's/.*a local issuer is running at \(http:.*\)$/\1/p' "$printed")
    eval "$(grep -E '^  (USER|WRITER|ADMIN)_TOKEN=[A-Za-z0-9._-]+$' "$printed")"
}

for name in task-api-axum task-api-actix task-api-rocket; do
    start "$name"
    take_tokens
    while IFS= read -r line; do
        echo "\$ $line" | sed -E "s|$api|API|; s|$issuer|ISSUER|; s/(issued_before\":)[0-9]+/\1NOW/; s/ +/ /g"
        # The lines are shell, for a terminal, and so they are run here; what eval runs is a line of curl too.
        if [[ $line =~ ^eval\ \"\$\((RAMPART_URL=[^ ]+)\ (cargo.*)\)\" ]]; then
            line=$(export "${BASH_REMATCH[1]}" && eval "${BASH_REMATCH[2]}")
        fi
        eval "${line/#curl /curl -sS }" | tr -d '\r' >"$work/answer"
        sed -nE '1s/^HTTP\/[0-9.]+ ([0-9]+).*/< \1/p' "$work/answer"
        sed '/^$/,$d' "$work/answer" | sed -nE 's/^(content-type|cache-control|retry-after|www-authenticate): /< \L\1: /Ip' | sort
        echo "< $(sed '1,/^$/d' "$work/answer")" | sed 's/ $//'
    done < <(sed -nE 's/^  ((curl|eval) .*)/\1/p' "$printed"; echo "curl -i $api/api/admin/stats -H \"Authorization: Bearer \$ADMIN_TOKEN\"") >"$work/actual"
    same "$name answers the lines that it prints" "$work/expected" "$work/actual"
done

start task-api-axum
take_tokens
until_found "Or open" "$printed"
page=$(sed -n 's/^Or open \(http:.*\) in a browser\.$/\1/p' "$printed")
curl -sS -o "$work/page" -w '%{http_code} %{content_type}\n' "$page" >"$work/actual"
echo '200 text/html; charset=utf-8' >"$work/page.expected"
same "task-api-axum serves the page that it names" "$work/page.expected" "$work/actual"
json="Content-Type: application/json"
# asked HEADER..: the status of a request for a token, with these headers.
asked() {
    curl -sS -o "$work/body" -w '%{http_code}\n' "$api/local/token" "${@/#/-H}" -d '{"user":"admin"}'
}
{
    echo "as the page does: $(asked "$json" "Origin: $api")"
    echo "without a preflight: $(asked "Content-Type: text/plain")"
    echo "from another site: $(asked "$json" "Origin: http://evil.example")"
    echo "under the name of another site: $(asked "$json" "Host: evil.example:${api##*:}")"
} >"$work/actual"
cat >"$work/expected" <<'END'
as the page does: 200
without a preflight: 415
from another site: 403
under the name of another site: 403
END
same "task-api-axum gives its tokens to no other site" "$work/expected" "$work/actual"

# With a token that has expired, which the page's issuer gives too, a forged one, and a good one without the right.
expired=$(curl -sS "$api/local/token" -H "$json" -d '{"user":"writer","expires_in":-60}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
cat >"$work/expected" <<'END'
401 Bearer realm="default", error="invalid_token", error_description="The access token expired"
{"error":"token_expired","message":"Session expired."}
401 Bearer realm="default", error="invalid_token", error_description="The access token is invalid"
{"error":"unauthorized","message":"Invalid token."}
403 Bearer realm="default", error="insufficient_scope", error_description="The access token lacks the role admin"
{"error":"insufficient_role","error_description":"The access token lacks the role admin","status":403}
END
arguments=(--custom-errors)
for name in task-api-axum task-api-actix task-api-rocket; do
    start "$name" RAMPART_URL="$issuer"
    for token in "$expired" forged "$WRITER_TOKEN"; do
        curl -sS -D "$work/head" -o "$work/body" "$api/api/admin/stats" -H "Authorization: Bearer $token"
        tr -d '\r' <"$work/head" | sed -nE '1s/^[^ ]* ([0-9]+).*/\1/p; s/^www-authenticate: //Ip' | paste -sd ' '
        cat "$work/body"
        echo
    done >"$work/actual"
    same "$name answers in its own form with --custom-errors" "$work/expected" "$work/actual"
done
arguments=()

# Another API, told to trust the issuer of the last one.
theirs=$api
for name in task-api-axum task-api-actix task-api-rocket; do
    start "$name" RAMPART_URL="$issuer"
    echo '200 {"user_id":"writer","email":"writer@example.com","roles":["user"]}' >"$work/expected"
    curl -sS -w '%{stderr}%{http_code} ' "$api/api/profile" -H "Authorization: Bearer $WRITER_TOKEN" >"$work/body" 2>"$work/actual"
    cat "$work/body" >>"$work/actual"
    echo >>"$work/actual"
    same "$name accepts the tokens of the issuer in RAMPART_URL" "$work/expected" "$work/actual"
    {
        echo "Task API on ${name#task-api-}: $api" | sed 's/on actix:/on actix-web:/; s/on rocket:/on Rocket:/'
        echo "It accepts the tokens of $issuer for task-api."
    } >"$work/expected"
    until_found "for task-api" "$printed"
    same "$name starts no issuer then" "$work/expected" "$printed"
    says "$name: a port that is taken" 1 "${theirs##*/}: Address already in use" env PORT="${theirs##*:}" "${program[$name]}"
    start "$name" RAMPART_URL="$issuer" RAMPART_CLIENT_ID="another-app, task-api" RAMPART_REALM=tasks
    {
        curl -sS -o "$work/body" -w '%{http_code}\n' "$api/api/data" -H "Authorization: Bearer $WRITER_TOKEN"
        curl -sS -D - -o "$work/body" "$api/api/data" | tr -d '\r' | sed -n 's/^www-authenticate: //Ip'
    } >"$work/actual"
    printf '%s\n' 200 'Bearer realm="tasks"' >"$work/expected"
    same "$name has several audiences, and a realm of its own" "$work/expected" "$work/actual"
    says "$name: a file and a variable in one" 1 'RAMPART_CONFIG: is set together with RAMPART_URL' \
        env PORT=0 RAMPART_CONFIG=examples/config-file/rampart.toml RAMPART_URL="$issuer" "${program[$name]}"
    printf "[auth]\nissuer_url = '%s'\naudience = 'another-app'\naudiences = ['task-api']\nrealm = 'tasks'\n" "$issuer" >"$work/rampart.toml"
    start "$name" RAMPART_CONFIG="$work/rampart.toml"
    {
        curl -sS -o "$work/body" -w '%{http_code}\n' "$api/api/data" -H "Authorization: Bearer $WRITER_TOKEN"
        curl -sS -D - -o "$work/body" "$api/api/data" | tr -d '\r' | sed -n 's/^www-authenticate: //Ip'
    } >"$work/actual"
    same "$name is set up by a file" "$work/expected" "$work/actual"
    says "$name: an audience that is empty" 1 '(it is read from RAMPART_CLIENT_ID)' env PORT=0 RAMPART_URL="$issuer" RAMPART_CLIENT_ID=task-api, "${program[$name]}"
    says "$name: an argument that there is not" 1 'there are --custom-errors,' env PORT=0 "${program[$name]}" --custom-error
    says "$name: a port that is none" 1 'PORT is "abc", which is no port number' env PORT=abc "${program[$name]}"
    says "$name: an issuer in quotes" 1 'stands in quotes, which count as a part of it; remove them (it is read from RAMPART_URL)' \
        env PORT=0 RAMPART_URL="'$issuer'" "${program[$name]}"
    says "$name: an issuer over http elsewhere" 1 'use https, or allow_http(true)' \
        env PORT=0 RAMPART_URL=http://auth.example.com "${program[$name]}"
    for variable in RAMPART_URL RAMPART_CLIENT_ID RAMPART_REALM PORT; do
        says "$name: $variable is set to nothing" 1 "$variable is set, but empty" env PORT=0 "$variable=" "${program[$name]}"
    done
done

verify=(env RAMPART_URL="$issuer" RAMPART_CLIENT_ID=task-api "${program[verify-token]}")
says "verify-token: three tokens of its own" 0 'The token is refused: the access token expired (token_expired)' "${program[verify-token]}"
says "verify-token: a good token" 0 '"scope": "tasks:write email:send"' "${verify[@]}" "$WRITER_TOKEN"
says "verify-token: a token that was changed" 1 'invalid_token' "${verify[@]}" "${WRITER_TOKEN/./.e30}"
says "verify-token: no token at all" 1 'invalid_token' "${verify[@]}"
by_hand=("${program[verify-token]}" --issuer "$issuer" --audience)
says "verify-token: an issuer and an audience by hand" 0 'V12  passed' "${by_hand[@]}" task-api "$WRITER_TOKEN"
says "verify-token: an audience that is not the token's" 1 'V8   FAILED' "${by_hand[@]}" another-app "$WRITER_TOKEN"
says "verify-token: what there is" 0 'RAMPART_CONFIG' "${program[verify-token]}" --help
# A token of an issuer that is not there: whether it is signed well, nobody can say. One of another issuer is refused all the same.
part() { printf '%s' "$1" | base64 -w0 | tr '+/' '-_' | tr -d '='; }
elsewhere='{"iss":"http://127.0.0.1:9","aud":"task-api","sub":"writer","iat":1700000000,"exp":99999999999}'
elsewhere="$(part '{"alg":"RS256","kid":"key-1"}').$(part "$elsewhere").$(part signature)"
away=(env RAMPART_URL=http://127.0.0.1:9 RAMPART_CLIENT_ID=task-api "${program[verify-token]}")
says "verify-token: the issuer is not there" 3 'Nothing can be said' "${away[@]}" "$elsewhere"
says "verify-token: a token of another issuer" 1 'invalid_token' "${away[@]}" "$WRITER_TOKEN"
says "verify-token: a variable is missing" 2 'RAMPART_CLIENT_ID is missing, empty or not UTF-8' \
    env RAMPART_URL="$issuer" "${program[verify-token]}" "$WRITER_TOKEN"
says "verify-token: an issuer that is set to nothing" 2 'RAMPART_URL is missing, empty or not UTF-8' env RAMPART_URL= "${program[verify-token]}"
says "service-to-service: an issuer that is set to nothing" 1 'RAMPART_URL is set, but empty' \
    env RAMPART_URL= "${program[service-to-service]}"

# Bound tokens.
# answered: what is promised of the answer in `$work/answer`.
answered() {
    tr -d '\r' <"$work/answer" | sed -nE '1s/^HTTP\/[0-9.]+ ([0-9]+).*/\1/p; s/^(www-authenticate|cache-control): /\L\1: /Ip' | sort
    tr -d '\r' <"$work/answer" | sed '1,/^$/d'
    echo
}
# run LINE: a line of shell whose curl says nothing of its progress.
run() {
    eval "${1/#curl /curl -sS }" >"$work/answer"
    answered
}
bearer='Bearer realm="default"' dpop='DPoP realm="default", algs="ES256 EdDSA Ed25519"'
bad_proof='"error":"invalid_dpop_proof","error_description":"The DPoP proof is invalid","status":401'
bad_token='"error":"invalid_token","error_description":"The access token is invalid","status":401'
for name in task-api-axum task-api-actix task-api-rocket; do
    arguments=(--dpop)
    start "$name"
    take_tokens
    until_found "tasks:write" "$printed"
    {
        while IFS= read -r line; do
            [[ $line =~ ^\ \ eval\ \"\$\(RAMPART_URL=([^ ]+)\ (cargo run .* dpop .*)\)\"(.*)$ ]] || continue
            # What the reader runs by `eval`.
            made=$(RAMPART_URL=${BASH_REMATCH[1]} eval "${BASH_REMATCH[2]}")
            run "$made${BASH_REMATCH[3]}"
        done <"$printed"
        # The last one again, its token by another scheme or without the proof, and a token that is bound to nothing.
        run "$made -d '{\"title\":\"Mine\"}'"
        run "${made/: DPoP /: Bearer }"
        run "${made% -H *}"
        run "curl -i $api/api/data -H 'Authorization: Bearer $USER_TOKEN'"
    } >"$work/actual"
    cat >"$work/expected" <<END
200
{"user_id":"service","email":null,"roles":[]}
201
{"id":"1","title":"Mine","assignee":"service"}
401
cache-control: no-store
www-authenticate: $bearer
www-authenticate: $dpop, error="invalid_dpop_proof", error_description="The DPoP proof is invalid"
{$bad_proof}
401
cache-control: no-store
www-authenticate: $bearer, error="invalid_token", error_description="The access token is invalid"
www-authenticate: $dpop
{$bad_token}
401
cache-control: no-store
www-authenticate: $bearer
www-authenticate: $dpop, error="invalid_dpop_proof", error_description="The DPoP proof is missing"
{"error":"invalid_dpop_proof","error_description":"The DPoP proof is missing","status":401}
200
{"user":"0b8f7c5e-3c52-4a1f-9d7e-5f2a6c1b9e01"}
END
    same "$name accepts bound tokens with --dpop" "$work/expected" "$work/actual"

    arguments=(--dpop=required)
    start "$name" RUST_LOG=off
    until_found "tasks:write" "$printed"
    eval "$(grep -E '^  USER_TOKEN=' "$printed")"
    issuer=$(sed -n 's/.*a local issuer is running at \(http:.*\)$/\1/p' "$printed")
    {
        run "curl -i $api/api/data -H 'Authorization: Bearer $USER_TOKEN'"
        run "$(RAMPART_URL=$issuer cargo run dpop GET "$api/api/data")"
    } >"$work/actual"
    cat >"$work/expected" <<END
401
cache-control: no-store
www-authenticate: $dpop, error="invalid_token", error_description="The access token is invalid"
{$bad_token}
200
{"user":"service"}
END
    same "$name accepts nothing else with --dpop=required" "$work/expected" "$work/actual"
    arguments=()

    # By a file, of an API that callers know by another address.
    cat >"$work/dpop.toml" <<END
[auth]
issuer_url = '$issuer'
audience = 'task-api'
[auth.dpop]
mode = 'required'
public_url = 'https://api.example.com/v1'
insecure_trust_start = true
END
    start "$name" RAMPART_CONFIG="$work/dpop.toml"
    line=$(RAMPART_URL=$issuer cargo run dpop GET https://api.example.com/v1/api/data)
    run "${line/https:\/\/api.example.com\/v1/$api}" >"$work/actual"
    run "$(RAMPART_URL=$issuer cargo run dpop GET "$api/api/data")" >>"$work/actual"
    printf '%s\n' 200 '{"user":"service"}' 401 'cache-control: no-store' \
        "www-authenticate: $dpop, error=\"invalid_dpop_proof\", error_description=\"The DPoP proof is invalid\"" "{$bad_proof}" >"$work/expected"
    same "$name accepts bound tokens as a file says" "$work/expected" "$work/actual"
    says "$name: --dpop beside a file" 1 'leave out the argument' env PORT=0 RAMPART_CONFIG="$work/dpop.toml" "${program[$name]}" --dpop
done

# Opaque tokens, with the commands of the README and the file that they name, but for the port.
start task-api-axum
issuer=$(sed -n 's/.*a local issuer is running at \(http:.*\)$/\1/p' "$printed")
sed "s|http://127.0.0.1:9000|$issuer|" examples/config-file/local.toml >"$work/local.toml"
opaque() { RAMPART_URL=$issuer "${program[rampart-issuer]}" opaque "$@"; }
asked_with() { run "curl -i $api/api/tasks -H 'Authorization: Bearer $1' -d '{\"title\":\"Mine\"}'"; }
for name in task-api-axum task-api-actix task-api-rocket; do
    start "$name" RAMPART_CONFIG="$work/local.toml" INTROSPECTION_SECRET=service-secret
    revoked=$(opaque tasks:write)
    curl -sS -u service:service-secret "$issuer/oauth/revoke" -d "token=$revoked"
    {
        run "curl -i $api/api/profile -H 'Authorization: Bearer $(opaque)'"
        asked_with "$(opaque tasks:write)"
        asked_with "$(opaque tasks:write)x"
        asked_with "$revoked"
    } >"$work/actual"
    refused=(401 'cache-control: no-store' "www-authenticate: $bearer, error=\"invalid_token\", error_description=\"The access token is invalid\"" "{$bad_token}")
    printf '%s\n' 200 '{"user_id":"service","email":null,"roles":[]}' 201 '{"id":"1","title":"Mine","assignee":"service"}' \
        "${refused[@]}" "${refused[@]}" >"$work/expected"
    same "$name asks the issuer about opaque tokens" "$work/expected" "$work/actual"
    says "$name: the secret of introspection is missing" 1 'client_secret_env: names INTROSPECTION_SECRET, which is missing' \
        env PORT=0 RAMPART_CONFIG="$work/local.toml" "${program[$name]}"
    sed 's/^client_secret_env.*/client_secret = "hunter2"/' "$work/local.toml" >"$work/secret.toml"
    says "$name: a secret in the file" 1 'line 10, column 1: client_secret: is no setting' env PORT=0 RAMPART_CONFIG="$work/secret.toml" "${program[$name]}"
    if grep -q hunter2 "$work/said"; then echo "DIFFERS $name shows a secret" && failures=$((failures + 1)); fi
done

# Three replicas, one on each framework, with the lines of the README, but for the ports and the folder.
# start_redis [PORT]: an empty one, on this port or a free one; sets `redis` and `redis_port`. Where a port is taken it ends at once.
start_redis() {
    for _ in {1..20}; do
        redis_port=${1:-$((20000 + RANDOM % 10000))}
        : >"$work/redis.log"
        redis-server --port "$redis_port" --bind 127.0.0.1 --save "" --appendonly no --dir "$work" >>"$work/redis.log" 2>&1 &
        redis=$!
        started+=("$redis")
        for _ in {1..100}; do
            grep -q 'Ready to accept connections' "$work/redis.log" && return
            kill -0 "$redis" 2>/dev/null || break
            sleep 0.1
        done
    done
    echo "redis-server does not start:"
    sed 's/^/        /' "$work/redis.log"
    exit 1
}
kill_redis() {
    kill -9 "$redis"
    wait "$redis" 2>/dev/null || true
}
# with_these LINE: the line with the ports and files of this run.
with_these() {
    local all
    all=$(IFS=,; echo "${ports[*]}")
    sed -E "s/\[8001-800[34]\]/{$all}/; s/^(revoke )8001 /\1${ports[0]:-} /; s/^(revoke )8002 /\1${ports[1]:-} /
        s|http://127.0.0.1:9000|$issuer|; s|examples/config-file/(replicas.toml)|$work/\1|; s|target/(replica.toml)|$work/\1|" <<<"$1"
}
# replica_lines NUMBER: runs the lines of this block of the README's section, each until its answer is the one that stands beside it, for ten
# seconds at most; a token that all have refused may pass nowhere after that.
replica_lines() {
    local line asked answer wanted
    while IFS= read -r line; do
        case $line in
        "redis-server "* | "cargo run --bin rampart-issuer") ;;
        RAMPART_CONFIG=*)
            asked=$(with_these "$line")
            [[ $asked =~ ^(RAMPART_CONFIG=[^ ]+)\ PORT=[0-9]+\ cargo\ run\ --bin\ ([a-z-]+) ]]
            start "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}"
            ports+=("${api##*:}")
            ;;
        "ask "* | "revoke "*)
            [[ $line =~ ^(.*[^ ])\ +\#\ ([0-9 ]*[0-9]) ]]
            line=${BASH_REMATCH[1]} wanted=${BASH_REMATCH[2]}
            for _ in {1..100}; do
                answer=$(eval "$(with_these "$line")" | sed -E 's/^\{.*\}|^ +| +$//g; s/^ +//')
                [[ $answer != "$wanted" && $line != revoke* ]] || break
                [[ ! $known || $line != *WRITER* || $answer != *200* ]] || break
                sleep 0.1
            done
            [[ $line != *WRITER* || $answer != "401 401 401" ]] || known=yes
            echo "$line # $wanted" >>"$work/replicas.expected"
            echo "$line # $answer" >>"$work/replicas.actual"
            ;;
        *) eval "$(with_these "$line")" ;;
        esac
    done < <(sed -n '/^### Several replicas/,/^## /p' examples/README.md | awk -v wanted="$1" '/^```sh/ {n++; is_in = 1; next} /^```/ {is_in = 0} is_in && n == wanted')
}
start task-api-axum
take_tokens
ports=() known=
: >"$work/replicas.expected" >"$work/replicas.actual"
start_redis
sed "s|http://127.0.0.1:9000|$issuer|; s|127.0.0.1:6379|127.0.0.1:$redis_port|" examples/config-file/replicas.toml >"$work/replicas.toml"
replica_lines 1
replica_lines 2
kill_redis
replica_lines 3
start_redis "$redis_port"
replica_lines 4
echo "11 lines, 4 replicas" >>"$work/replicas.expected"
echo "$(wc -l <"$work/replicas.actual") lines, ${#ports[@]} replicas" >>"$work/replicas.actual"
same "replicas share what is revoked, though Redis is killed and comes back empty" "$work/replicas.expected" "$work/replicas.actual"
says "verify-token: whether it was revoked is not asked" 0 'The token is good, unless it was revoked' \
    env RAMPART_CONFIG="$work/replica.toml" "${program[verify-token]}" "$WRITER_TOKEN"
for name in task-api-axum task-api-actix task-api-rocket rampart-sample-backend; do
    sed 's/^prefix.*/&\ndeadline_ms = 0/' "$work/replica.toml" >"$work/deadline.toml"
    says "$name: a deadline of Redis that cannot be used" 1 'deadline.toml, line 11, column 1: redis.deadline: is not from 1 ms to 10 s' \
        env PORT=0 RAMPART_CONFIG="$work/deadline.toml" "${program[$name]}"
done
kill_redis

# The issuer's tokens are for the sample front ends now.
start task-api-axum RAMPART_CLIENT_ID=sample-react-app
take_tokens
: >"$work/backend"
env PORT=0 RAMPART_ISSUER="$issuer" "${program[rampart-sample-backend]}" >>"$work/backend" 2>"$work/backend.log" &
started+=($!)
until_found "Sample back end" "$work/backend"
backend=$(sed -n 's/^Sample back end: \(http:.*\), for tokens of .*/\1/p' "$work/backend")
for path in health profile editor/dashboard; do
    curl -sS -o "$work/body" -w "%{http_code} /api/$path " "$backend/api/$path" -H "Authorization: Bearer $USER_TOKEN"
    grep -oE '^[{]"[a-z]+":"[^"]*"' "$work/body"
done >"$work/actual"
cat >"$work/expected" <<'END'
200 /api/health {"status":"ok"
200 /api/profile {"message":"Authenticated!"
403 /api/editor/dashboard {"error":"insufficient_role"
END
same "rampart-sample-backend accepts the tokens of its front ends" "$work/expected" "$work/actual"
sample=(env PORT=0 "${program[rampart-sample-backend]}")
says "rampart-sample-backend: an issuer that is set to nothing" 1 'RAMPART_ISSUER is set, but empty' env RAMPART_ISSUER= "${sample[@]}"
says "rampart-sample-backend: a port that is none" 1 'PORT is "abc", which is no port number' env PORT=abc "${program[rampart-sample-backend]}"
says "rampart-sample-backend: a port that is taken" 1 'Address already in use' \
    env PORT="${backend##*:}" "${program[rampart-sample-backend]}"

# The calls go on while the issuer is stopped, and after it has come back with other keys.
mkfifo "$work/typed"
: >"$work/calls"
"${program[service-to-service]}" <"$work/typed" >>"$work/calls" 2>"$work/calls.log" &
started+=($!)
exec 3>"$work/typed"
for word in "" stop start rotate; do
    if [[ $word ]]; then echo "$word" >&3; fi
    calls=$(wc -l <"$work/calls")
    for _ in {1..100}; do
        (($(wc -l <"$work/calls") < calls + 3)) || break
        sleep 0.1
    done
done
exec 3>&-
sed '/^RAMPART_URL is not set/d; /^Type stop/d; /^200 OK: the report, for service$/d' "$work/calls" >"$work/actual"
printf -- '-- the issuer: %s\n' stop start rotate >"$work/expected"
same "service-to-service: every call succeeds" "$work/expected" "$work/actual"

if ((failures)); then
    echo "$failures of the above differ"
    exit 1
fi
echo "all as it should be"
