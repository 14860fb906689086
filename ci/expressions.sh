#!/usr/bin/env bash
# Asks a real terraform what the expressions of testdata/expressions are worth and rewrites the answers in place.
# Needs terraform and the oracle that drives it, which are not part of this repository; without them nothing is done.
#
#   ci/expressions.sh            every file
#   ci/expressions.sh FILE…      these
#   CHECK=1 ci/expressions.sh    only says whether the answers are still the same
set -euo pipefail
cd "$(dirname "$0")/.."
oracle=${LAZULI_SHARED:-../shared}/tools/tfconsole_oracle.py
if [ ! -f "$oracle" ] || ! command -v terraform >/dev/null || ! command -v python3 >/dev/null; then
  echo "expressions: skipped, needs terraform, python3 and $oracle"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp testdata/expressions/preamble.hcl "$folder/preamble.tf"
cat >>"$folder/preamble.tf" <<'TF'

resource "terraform_data" "u" {}
resource "terraform_data" "d" {
  input = terraform_data.u.id
}
TF
[ $# -gt 0 ] || set -- testdata/expressions/*.jsonl
python3 - "$oracle" "$folder" "$@" <<'PY'
import json, os, re, subprocess, sys
def load(text):  # numbers stay as they are written
    return json.loads(text, parse_float=lambda t: "\0number " + t, parse_int=lambda t: "\0number " + t)
oracle, folder, files = sys.argv[1], sys.argv[2], sys.argv[3:]
keep = ("ours", "because")
changed = []
for name in files:
    lines = [load(l) for l in open(name) if l.strip()]
    asked = "".join(json.dumps({"expr": l["expr"]}) + "\n" for l in lines)
    answers = subprocess.run(
        [sys.executable, oracle, "--engine", "plan", "--base", "testdata/expressions/files", "--preamble",
         os.path.join(folder, "preamble.tf"), "-"], input=asked, capture_output=True, text=True, check=True).stdout
    out = []
    for asked, answer in zip(lines, answers.splitlines()):
        parsed = load(answer)
        parsed.pop("id", None), parsed.pop("error", None)
        for key in keep:
            if key in asked:
                parsed[key] = asked[key]
        text = json.dumps(parsed, ensure_ascii=False)
        out.append(re.sub(r'"\\u0000number ([^"]*)"', r"\1", text))
    text = "\n".join(out) + "\n"
    if text != open(name).read():
        changed.append(name)
        if not os.environ.get("CHECK"):
            open(name, "w").write(text)
    print(f"{name}: {len(out)} expressions")
if os.environ.get("CHECK") and changed:
    sys.exit("not as terraform says: " + ", ".join(changed))
PY
