"""Evaluates the policy on a plan: evaluate.py POLICY PLAN.json. Prints each denial; exit code 1 when there are some."""
import json
import sys

from regopy import Interpreter

policy, plan = sys.argv[1:]
rego = Interpreter()
with open(policy, encoding="utf-8") as file:
    rego.add_module("policy", file.read())
with open(plan, encoding="utf-8") as file:
    rego.set_input(json.load(file))
output = rego.query("data.lazuli.deny")
if not output.ok():
    sys.exit(f"the policy cannot be evaluated: {output}")
denials = sorted(message for found in output.results[0].expressions for message in found)
for message in denials:
    print(message)
sys.exit(1 if denials else 0)
