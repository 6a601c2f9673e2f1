#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# run-tool: runs a checker over the tree; its findings are the failure.
#
# usage: run-tool.sh TOOL SOURCE-FOLDER BUILD-FOLDER

set -euo pipefail

tool=$1 build=$3
cd "$2"

command -v "$tool" >/dev/null || { echo "$tool is not installed"; exit 77; }

folders=(api qmp xml driver qemu-shim daemon tools)
c_files() {
    find "${folders[@]}" tests -name '*.[ch]' -not -path '*/data/*' | sort
}
compiled() {
    /usr/bin/python3 - "$build/compile_commands.json" <<'EOF'
import json, os, sys
base = os.getcwd() + "/"
files = {os.path.normpath(os.path.join(entry["directory"], entry["file"])) for entry in json.load(open(sys.argv[1]))}
print("\n".join(sorted(f for f in files if f.startswith(base) and os.path.dirname(sys.argv[1]) + "/" not in f)))
EOF
}

case $tool in
clang-format)
    c_files | xargs clang-format --dry-run --Werror
    ;;
clang-tidy)
    # gcc's own warning flags are unknown to clang; that is no finding.
    compiled | grep -v '/tests/' |
        xargs -n 4 -P "$(nproc)" clang-tidy -p "$build" --quiet \
            --extra-arg=-Wno-unknown-warning-option 2>/dev/null
    ;;
cppcheck)
    cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -j "$(nproc)" \
        --enable=warning,portability --suppress=missingInclude --suppress=unknownMacro \
        --suppress=nullPointerRedundantCheck --suppress=varFuncNullUB --library=gtk -I . \
        "${folders[@]}"
    ;;
codespell)
    codespell --skip './build*,./.git,*.po,*/data/*,*/fuzz/*/*' --ignore-words-list 'pullrequest' \
        README.md ARCHITECTURE.md CONTRIBUTING.md "${folders[@]}" docs scripts tests
    ;;
shellcheck)
    grep -rlE '^#!/bin/(ba)?sh' scripts tests .ci data | xargs shellcheck
    ;;
esac
