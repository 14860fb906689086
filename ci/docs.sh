#!/usr/bin/env bash
# Checks the documentation without any tool but a shell: every relative link leads to a file, every page of docs/ is
# listed in docs/SUMMARY.md, and every page that SUMMARY lists exists.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
complain() {
    echo "docs: $*" >&2
    failed=1
}

# links FILE: the targets of its Markdown links and images, code blocks left out
links() {
    awk '/^ *```/ { code = !code; next } !code' "$1" | sed 's/`[^`]*`//g' |
        grep -oE '\]\([^)[:space:]]+\)' | sed -E 's/^\]\(//; s/\)$//' || true
}

mapfile -t pages < <(find docs README.md CHANGELOG.md testdata -name '*.md' | sort)
for page in "${pages[@]}"; do
    while read -r target; do
        case $target in '' | '#'* | http://* | https://* | mailto:*) continue ;; esac
        file=$(dirname "$page")/${target%%#*}
        [ -e "$file" ] || complain "$page links to $target, which does not exist"
    done < <(links "$page")
done

listed=$(links docs/SUMMARY.md | sed 's/#.*//' | sort)
for page in "${pages[@]}"; do
    case $page in docs/SUMMARY.md | [!d]* ) continue ;; esac
    grep -qxF "${page#docs/}" <<<"$listed" || complain "docs/SUMMARY.md does not list ${page#docs/}"
done
twice=$(uniq -d <<<"$listed")
[ -z "$twice" ] || complain "docs/SUMMARY.md lists twice: $twice"

[ "$failed" -eq 0 ] || exit 1
echo "docs: ${#pages[@]} pages, every link leads somewhere"
