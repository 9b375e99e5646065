# shellcheck shell=sh
# Finds an httpd, for scripts that source this file.
#
#   find_httpd    sets apxs, httpd (the program) and modules (their directory);
#                 fails when there is none
#   die WORDS     one line of error that begins with $program, and the end

die() {
    printf '%s: %s\n' "${program:?}" "$*" >&2
    exit 1
}

find_httpd() {
    apxs=
    for name in "${APXS:-apxs}" "${APXS:-apxs2}"; do
        apxs=$(command -v "$name") && break
    done
    [ -n "$apxs" ] || return 1
    httpd=$(apxs_query sbindir)/$(apxs_query progname)
    modules=$(apxs_query libexecdir)
    : "$modules" # for whoever sources this file
    [ -x "$httpd" ] && [ -d "$modules" ]
}

# What apxs knows under a name; nothing when it does not know it.
apxs_query() {
    "$apxs" -q "$1" 2>/dev/null || :
}
