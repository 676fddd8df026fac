# Sourced by ./lab: finds what building takes, or says what is missing and how to get it.

toolchain() {
    local need found home="${CARGO_HOME:-${HOME:-/root}/.cargo}"
    need=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)
    # A shell that has not read rustup's profile line yet.
    if ! type -P cargo >/dev/null && [ -x "$home/bin/cargo" ]; then PATH="$home/bin:$PATH"; fi
    type -P cargo >/dev/null && type -P rustc >/dev/null || fail \
        "no Rust toolchain: cargo or rustc is not on PATH" \
        "mend: install Rust $need or newer with rustup (https://rustup.rs), open a new shell, run this again"
    found=$(rustc --version 2>&1) || fail \
        "the Rust toolchain does not start: $found" "mend: rustup default stable"
    found=${found#rustc } && found=${found%%[ -]*}
    at_least "$found" "$need" || fail \
        "Rust $found is too old, $need or newer is needed" "mend: rustup update stable (Debian's own rustc is too old)"
    type -P "${CXX:-c++}" >/dev/null && type -P "${CC:-cc}" >/dev/null || fail \
        "no C++ compiler: ${CXX:-c++} or ${CC:-cc} is not on PATH" "mend: sudo apt-get install g++"
}

# at_least 1.95.0 1.90: is the first version the second one or newer?
at_least() {
    local have want
    IFS=. read -ra have <<<"$1"
    IFS=. read -ra want <<<"$2"
    (( 10#${have[0]} > 10#${want[0]} || (10#${have[0]} == 10#${want[0]} && 10#${have[1]:-0} >= 10#${want[1]:-0}) ))
}

# Prints a Python that has pip. Debian's own python3 has it only with python3-pip.
python_with_pip() {
    local python
    type -P python3 >/dev/null || fail \
        "no python3, which fetches libtorch" "mend: sudo apt-get install python3 python3-pip"
    for python in $(type -aP python3); do
        if "$python" -m pip --version >/dev/null 2>&1; then printf '%s\n' "$python" && return; fi
    done
    fail "python3 has no pip, which fetches libtorch" "mend: sudo apt-get install python3-pip"
}
