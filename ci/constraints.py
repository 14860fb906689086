#!/usr/bin/env python3
"""Asks a real terraform what becomes of values given to variables of a type.

    ci/constraints.py testdata/constraints/some.jsonl     answers every line of the file and rewrites it
    ci/constraints.py --random SEED COUNT                 prints so many random lines, answered

A line is {"type": …, "given": …}, both as they would be written; the answer is `ok` and, when it is, `value` and `becomes`,
the type of the value. Many variables share a run of terraform: those it refuses are found by line and taken out.
"""
import json, os, random, subprocess, sys, tempfile
from decimal import Decimal

ENV = dict(os.environ, CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1", NO_COLOR="1")


def terraform(folder, *arguments):
    return subprocess.run(["terraform", *arguments], cwd=folder, env=ENV, capture_output=True, text=True)


def answer(lines):
    """The answers of terraform, in order."""
    with tempfile.TemporaryDirectory() as folder:
        empty = os.path.join(folder, "cli.rc")
        open(empty, "w").close()
        ENV["TF_CLI_CONFIG_FILE"] = empty
        left = dict(enumerate(lines))
        while left:
            for i in range(len(lines)):
                path = os.path.join(folder, f"v{i}.tf")
                if i in left:
                    with open(path, "w") as file:
                        file.write(f'variable "v{i}" {{\n  type    = {left[i]["type"]}\n  default = {left[i]["given"]}\n}}\n')
                        file.write(f'output "v{i}" {{\n  value = var.v{i}\n}}\n')
                elif os.path.exists(path):
                    os.remove(path)
            found = json.loads(terraform(folder, "validate", "-json").stdout)["diagnostics"]
            bad = {int(d["range"]["filename"][1:-3]) for d in found if d["severity"] == "error"}
            if not bad:
                break
            for i in bad:
                del left[i]
        values = {}
        if left:
            planned = terraform(folder, "plan", "-out=plan", "-input=false")
            if planned.returncode:
                sys.exit(planned.stderr)
            shown = json.loads(terraform(folder, "show", "-json", "plan").stdout, parse_float=Decimal)
            values = shown["planned_values"].get("outputs", {})
    for i, line in enumerate(lines):
        output = values.get(f"v{i}", {})
        asked = {"type": line["type"], "given": line["given"], "ok": i in left}
        # Terraform does not tell the type of a null.
        told = {"value": output["value"], "becomes": output["type"]} if output.get("value") is not None else {"value": None}
        kept = {k: line[k] for k in ("ours", "because") if k in line}
        yield asked | (told if i in left else {}) | kept


def some_type(r, depth):
    simple = ["string", "number", "bool", "any"]
    kind = r.choice(simple + ["list", "set", "map", "object", "object", "tuple"] * (2 if depth > 2 else 1)) if depth else r.choice(simple)
    if kind in ("list", "set", "map"):
        return f"{kind}({some_type(r, depth - 1)})"
    if kind == "tuple":
        return "tuple([" + ", ".join(some_type(r, depth - 1) for _ in range(r.randint(0, 2))) + "])"
    if kind == "object":
        fields = []
        for name in r.sample("abc", r.randint(0, 3)):
            of = some_type(r, depth - 1)
            form = r.randint(0, 3)
            if form == 0:
                of = f"optional({of})"
            elif form == 1:
                of = f"optional({of}, {some_value(r, of, 0.05)})"
            fields.append(f"{name} = {of}")
        return "object({ " + ", ".join(fields) + " })"
    return kind


def parts(text):
    """What stands between the commas of `a, f(b, c)`."""
    found, depth, at = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 0:
            found.append(text[at:i].strip())
            at = i + 1
    last = text[at:].strip()
    return found + ([last] if last else [])


def some_value(r, of, odd=0.12):
    """A value that mostly fits the type."""
    if r.random() < odd:
        return r.choice(["null", "1", '"x"', "true", "[]", "{}", '["1"]', "{ a = 1 }", '[1, "b"]', '{ a = 1, b = "x" }', '"2"'])
    name, _, rest = of.partition("(")
    inner = rest[:-1]
    if name in ("list", "set"):
        return "[" + ", ".join(some_value(r, inner, odd) for _ in range(r.randint(0, 3))) + "]"
    if name == "map":
        return "{ " + ", ".join(f"{k} = {some_value(r, inner, odd)}" for k in r.sample("abc", r.randint(0, 3))) + " }"
    if name == "tuple":
        return "[" + ", ".join(some_value(r, t, odd) for t in parts(inner[1:-1])) + "]"
    if name == "optional":
        return some_value(r, parts(inner)[0], odd)
    if name == "object":
        fields = []
        for field in parts(inner[1:-1]):
            key, _, ty = field.partition(" = ")
            if ty.startswith("optional(") and r.random() < 0.5 or r.random() < 0.03:
                continue
            fields.append(f"{key} = {some_value(r, ty, odd)}")
        if r.random() < 0.1:
            fields.append("d = 1")
        return "{ " + ", ".join(fields) + " }"
    return {
        "string": lambda: r.choice(['"x"', '""', "1", "true"]),
        "number": lambda: r.choice(["1", "2.5", '"3"', "-4"]),
        "bool": lambda: r.choice(["true", "false", '"true"']),
        "any": lambda: r.choice(["1", '"x"', "true", "[1]", '["x", 2]', "{ a = 1 }", "[]", "{}", "null", "[[1], []]"]),
    }[name]()


def main():
    if sys.argv[1] == "--random":
        r = random.Random(int(sys.argv[2]))
        lines = []
        for _ in range(int(sys.argv[3])):
            of = some_type(r, r.randint(1, 4))
            lines.append({"type": of, "given": some_value(r, of)})
    else:
        with open(sys.argv[1]) as file:
            lines = [json.loads(line) for line in file if line.strip()]
    text = ""
    for at in range(0, len(lines), 200):
        for line in answer(lines[at : at + 200]):
            text += json.dumps(line, ensure_ascii=False, default=float) + "\n"
    if sys.argv[1] == "--random":
        sys.stdout.write(text)
    else:
        with open(sys.argv[1], "w") as file:
            file.write(text)


main()
