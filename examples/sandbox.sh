#!/usr/bin/env bash
# Tries one row of docs/guides/sandbox.md with curl: signs a demo user in, consults, shows each answer as it came.
#
#     examples/sandbox.sh [STATE [NIR [FIELDS]]] [-- CURL OPTIONS]
#
# STATE is that of a demo user, NIR the name of one in demo.json, else one that his caisse knows is taken. FIELDS is JSON
# that is added to the request. It ends with 1 at the first call that is refused. $DEMO is .local/demo.json unless set.
#
# Password, NIR and token reach curl through pipes, never as an argument: every user of the machine can read those.
set -euo pipefail

demo=${DEMO:-.local/demo.json}
words=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    words+=("$1")
    shift
done
[ $# -eq 0 ] || shift
if [ ! -f "$demo" ]; then
    echo "There is no $demo: start the local stack with \`make up\`." >&2
    exit 2
fi

# What a Python expression makes of demo.json, of the passwords chosen for its users, and of an answer in $answer.
with_demo() {
    ANSWER=${answer:-null} python3 -c "
import json, os, secrets, sys
path, state, nir, fields = sys.argv[1:]
demo, answer = json.load(open(path)), json.loads(os.environ['ANSWER'])
kept = os.path.join(os.path.dirname(path), 'demo-passwords.json')
chosen = json.load(open(kept)) if os.path.exists(kept) else {}
user = next((each for each in demo['users'] if each['state'] == state), None)
if user is None:
    sys.exit('The demo has no user of this state: ' + ', '.join(each['state'] for each in demo['users']))
named = demo['nirs'] | {name: wrong['nir'] for name, wrong in demo['wrong_nirs'].items()}
password = chosen.get(user['login'], user['temporary_password'])
def keep(new):
    with open(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as file:
        json.dump(chosen | {user['login']: new}, file)
$1" "$demo" "${words[0]-ordinary}" "${words[1]-}" "${words[2]-{\}}"
}

# METHOD PATH [CURL OPTIONS]; the body on standard input, the token in $token; the answer is shown, and kept in $answer.
call() {
    local status
    answer=$(
        curl --silent --show-error --cacert "$ca" "${@:3}" \
            --config <(printf 'header = "authorization: Bearer %s"\n' "$token") \
            --header 'content-type: application/json' --request "$1" --data-binary @- --write-out '\n%{http_code}' \
            "$url$2"
    )
    status=${answer##*$'\n'}
    answer=${answer%$'\n'*}
    echo "$1 $2: $status" >&2
    if [ "$status" != 200 ]; then
        echo "$answer"
        exit 1
    fi
}

read -r url ca < <(with_demo "print(demo['gateway_url'], demo['ca_file'])")
token=none
call POST /v1/sessions "$@" < <(with_demo "print(json.dumps({'login': user['login'], 'password': password}))")
token=$(with_demo "print(answer['session_token'])")
if [ "$(with_demo "print(answer['password_change_required'])")" = True ]; then
    # The temporary password is replaced (art. 4-3); the new one is kept beside demo.json, for the next run.
    change=$(with_demo "
new = secrets.token_urlsafe(18)
print(json.dumps({'current_password': password, 'new_password': new}))")
    call POST /v1/password "$@" <<<"$change"
    token=$(with_demo "print(answer['session_token'])")
    answer=$change with_demo "keep(answer['new_password'])"
fi
call POST /v1/quotients:consult "$@" < <(
    with_demo "print(json.dumps({'nir': named[nir] if nir else user['nir'], 'purpose': 'PURPOSE_CANTEEN'} | json.loads(fields)))"
)
echo "$answer"
answer=null
call DELETE /v1/session "$@" </dev/null
