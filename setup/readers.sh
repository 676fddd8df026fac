# Sourced by ./lab: puts the Python packages of setup/readers.txt into .readers/ (92 MB), pinned by version and SHA-256. Only `./lab test` asks for them.
# .readers/stamp is a copy of the list. Each run works in a folder of its own and renames it, so it may be interrupted and run twice at once.

readers() {
    local python work
    if [ -e .readers/stamp ] && [ "$(<.readers/stamp)" = "$(<setup/readers.txt)" ]; then return; fi
    python=$(python_with_pip)
    work=$(mktemp -d .readers.XXXXXX) || fail "cannot write in $PWD" "mend: run ./lab as a user who may write there"
    say "fetching the TensorBoard reader of the tests (23 MB)"
    if ! "$python" -m pip install --quiet --target "$work" --require-hashes --no-deps --only-binary=:all: --no-cache-dir \
        --disable-pip-version-check --root-user-action=ignore --retries 3 -r setup/readers.txt >&2; then
        rm -rf "$work"
        fail "the TensorBoard reader of the tests could not be fetched; nothing was kept" \
            "mend: check the network and that python3 is 3.11, 3.12 or 3.13, then run this again; without it: cargo nextest run --release --workspace"
    fi
    printf '%s' "$python" >"$work/python"
    cp setup/readers.txt "$work/stamp"
    rm -rf .readers
    mv -T "$work" .readers 2>/dev/null || rm -rf "$work"
}
