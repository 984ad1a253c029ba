#!/usr/bin/env bash
# The same as consult.py, as JSON with curl: sign in, look one quotient up, sign out.
#
#     .venv/bin/python examples/consult.py      first: it replaces the temporary password
#     examples/consult.sh [.local/demo.json]
#
# Password, NIR and token reach curl through pipes, never as an argument: every user of the machine can read those.
set -euo pipefail

demo=${1:-.local/demo.json}
passwords=$(dirname "$demo")/demo-passwords.json
if [ ! -f "$passwords" ]; then
    echo "Run examples/consult.py first: it replaces the temporary password." >&2
    exit 1
fi

# What a Python expression makes of the two files.
from_files() {
    python3 -c "
import json, sys
demo, passwords = (json.load(open(path)) for path in sys.argv[1:])
login = demo['users'][0]['login']
print($1)" "$demo" "$passwords"
}

# METHOD PATH; the body on standard input, the token in \$token.
call() {
    echo "$1 $2" >&2
    curl --silent --show-error --fail-with-body --cacert "$(from_files "demo['ca_file']")" \
        --config <(printf 'header = "authorization: Bearer %s"\n' "$token") \
        --header 'content-type: application/json' --request "$1" --data-binary @- \
        "$(from_files "demo['gateway_url']")$2"
}

token=
token=$(
    from_files "json.dumps({'login': login, 'password': passwords[login]})" | call POST /v1/sessions |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["session_token"])'
)
from_files "json.dumps({'nir': demo['nirs']['available'], 'purpose': 'PURPOSE_CANTEEN'})" |
    call POST /v1/quotients:consult
echo
call DELETE /v1/session </dev/null
echo
