#!/usr/bin/env bash
# The same as consult.py, as JSON with curl; python3 reads and writes the JSON.
#
#     examples/consult.sh [.local/demo.json [FAMILY]]      FAMILY: records that it objected (annexe 1)
#
# Password, NIR and token reach curl through pipes, never as an argument: every user of the machine can read those.
set -euo pipefail

demo=${1:-.local/demo.json}
opposed=${2:-}
if [ ! -f "$demo" ]; then
    echo "There is no $demo: start the local stack with \`make up\`." >&2
    exit 1
fi
passwords=$(dirname "$demo")/demo-passwords.json
umask 077
[ -f "$passwords" ] || echo '{}' >"$passwords"
answer=$(mktemp)
headers=$(mktemp)
trap 'rm -f "$answer" "$headers"' EXIT
token=

# What a Python expression makes of the two files; `text` is the standard input.
python() {
    python3 -c '
import json, secrets, sys
demo, passwords = (json.load(open(path)) for path in sys.argv[2:4])
login, temporary = (demo["users"][0][key] for key in ("login", "temporary_password"))
text = "" if sys.stdin.isatty() else sys.stdin.read()
value = eval(sys.argv[1])
print(value if isinstance(value, str) else json.dumps(value))' "$1" "$demo" "$passwords"
}

# METHOD PATH [further options of curl]; the body on standard input. The answer goes to $answer; an error is told.
# Sent again where the refusal names a short delay (Retry-After), and nowhere else.
call() {
    local method=$1 path=$2 body status delay
    shift 2
    body=$(cat)
    for _ in 1 2 3; do
        status=$(
            printf '%s' "$body" | curl --silent --show-error --max-time 120 --cacert "$ca_file" --request "$method" \
                --config <(printf 'header = "authorization: Bearer %s"\n' "$token") \
                --header 'content-type: application/json' --data-binary @- --dump-header "$headers" \
                --output "$answer" --write-out '%{http_code}' "$@" "$gateway_url$path"
        )
        delay=$(tr -d '\r' <"$headers" | sed -n 's/^retry-after: //ip')
        if [ "$status" = 200 ] || [ "${delay:-99}" -gt 5 ]; then
            break
        fi
        sleep "$delay"
    done
    if [ "$status" != 200 ]; then
        python '"The gateway refused: {reason} ({detail})".format(**json.loads(text))' <"$answer" >&2
        return 1
    fi
}

# One line for each answer on standard input: "family", then the JSON of the reply.
show() {
    python3 -c '
import json, sys
for line in sys.stdin:
    family, reply = line.split("\t", 1)
    reply = json.loads(reply)
    if "reason" in reply:
        print("%-28s %-14s %s" % (family, reply["reason"], reply["detail"]))
        continue
    periods = ", ".join(
        "%.2f € from %s%s" % (p["amount_cents"] / 100, p["valid_from"], " to " + p["valid_to"] if p["valid_to"] else "")
        for p in reply["periods"]
    )
    outcome, numero = reply["outcome"][len("OUTCOME_"):], reply.get("dossier", {}).get("numero", "")
    print(("%-28s %-14s %-20s %s" % (family, outcome, numero, periods)).rstrip())'
}

gateway_url=$(python 'demo["gateway_url"]' </dev/null)
ca_file=$(python 'demo["ca_file"]' </dev/null)

# With the password of an earlier run, else with the temporary one, which must be replaced (art. 4-3).
python '{"login": login, "password": passwords.get(login, temporary)}' </dev/null | call POST /v1/sessions
token=$(python 'json.loads(text)["session_token"]' <"$answer")
if [ "$(python 'json.loads(text)["password_change_required"]' <"$answer")" = true ]; then
    kept=$(python 'passwords | {login: secrets.token_urlsafe(18)}' </dev/null)
    python '{"current_password": temporary, "new_password": json.loads(text)[login]}' <<<"$kept" |
        call POST /v1/password
    token=$(python 'json.loads(text)["session_token"]' <"$answer")
    printf '%s\n' "$kept" >"$passwords"
    echo "The temporary password was replaced."
fi

printf '%-28s %-14s %-20s %s\n' family outcome dossier 'quotient familial'
number=0
for family in $(python '" ".join(demo["nirs"])' </dev/null); do
    number=$((number + 1))
    python "{'nir': demo['nirs']['$family'], 'purpose': 'PURPOSE_CANTEEN', 'case_reference': 'CANTEEN/$number'}" \
        </dev/null | call POST /v1/quotients:consult
    python "'$family\t' + json.dumps(json.loads(text))" <"$answer" | show
done

printf '\nIn one call:\n'
python '{"queries": [
    {"nir": nir, "purpose": "PURPOSE_CANTEEN", "case_reference": f"BATCH/{number}"}
    for number, nir in enumerate(demo["nirs"].values(), start=1)
]}' </dev/null | call POST /v1/quotients:consultMany --header 'accept: application/x-ndjson'
python '"\n".join(
    list(demo["nirs"])[row["position"]] + "\t" + json.dumps(row.get("consultation") or row["error"])
    for row in map(json.loads, filter(None, text.splitlines()))
)' <"$answer" | show

if [ -n "$opposed" ]; then
    python "{'nir': demo['nirs']['$opposed'], 'channel': 'OPPOSITION_CHANNEL_COUNTER', 'reference': 'OPP/1'}" \
        </dev/null | call POST /v1/oppositions
    printf '\nOpposition recorded: %s\n' "$(python 'json.loads(text)["opposition_id"]' <"$answer")"
fi

printf '\nYour last consultations:\n'
call GET "/v1/consultations?page_size=$number" </dev/null
python '"\n".join(
    "%-32s %-14s %s" % (line["consult_time"], line["outcome"][len("OUTCOME_"):], line["case_reference"])
    for line in json.loads(text)["consultations"]
)' <"$answer"
call DELETE /v1/session </dev/null
