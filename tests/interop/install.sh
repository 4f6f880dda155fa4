#!/usr/bin/env bash
# Brings servers into target/interop, each once: from the public registries, by their ordinary clients, as this machine has them set up.
#
#   tests/interop/install.sh SERVER..     keycloak, oidc-provider, glewlwyd, zitadel
#
# The tests call it themselves. What is already there is not asked for again; what cannot be had is an error that says what it needs.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
folder="$here/../../target/interop"
mkdir -p "$folder"
folder="$(cd "$folder" && pwd)"

fail() { printf '%s\n' "$*" >&2; exit 1; }
needs() { command -v "$1" >/dev/null || fail "$1 is missing; on Debian: apt-get install $2"; }

# From Maven Central, whose checksum of this file is the one below.
keycloak_version=26.7.3
keycloak_sha256=77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47
install_keycloak() {
    needs java openjdk-17-jre-headless
    needs mvn maven
    local archive="keycloak-quarkus-dist-$keycloak_version.tar.gz"
    mvn --batch-mode --quiet org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
        -Dartifact="org.keycloak:keycloak-quarkus-dist:$keycloak_version:tar.gz" -DoutputDirectory="$1" >&2
    echo "$keycloak_sha256  $1/$archive" | sha256sum --check --quiet || fail "$archive is not the file that it should be"
    tar --extract --file "$1/$archive" --directory "$1" --strip-components 1
    rm "$1/$archive"
    # What each start would do again otherwise.
    JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1 "$1/bin/kc.sh" build --db=dev-file --health-enabled=false >&2
}

# From the npm registry; package-lock.json has the checksum of each package.
# Its version is also that of our own files, which are copied.
oidc_provider_version="9.13.3 $(cat "$here"/servers/oidc-provider/* | sha256sum | head -c 16)"
install_oidc-provider() {
    needs node nodejs
    needs npm npm
    cp "$here/servers/oidc-provider/"*.js* "$1"
    (cd "$1" && npm ci --no-audit --no-fund --silent >&2)
}

# From Debian's packages, whose checksums apt knows; unpacked here instead of installed, which would start it for the whole machine.
glewlwyd_version=2.7
install_glewlwyd() {
    needs apt-get apt
    mkdir -p "$1/packages/partial"
    apt-get install --yes --quiet=2 --no-install-recommends --download-only --reinstall -o Debug::NoLocking=1 \
        -o Dir::Cache::archives="$1/packages" \
        "glewlwyd=$glewlwyd_version.*" dbconfig-sqlite3 sqlite3 >&2 ||
        fail "the package glewlwyd cannot be had; perhaps the lists of packages are old: apt-get update"
    local package
    for package in "$1"/packages/*.deb; do
        dpkg --extract "$package" "$1/root"
    done
    rm -r "$1/packages"
    ln -s "$1"/root/usr/lib/*-linux-gnu "$1/lib"
    gunzip --stdout "$1/root/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz" | PATH="$1/root/usr/bin:$PATH" sqlite3 "$1/empty.db"
}

# From the Go module proxy, checked against the checksum database.
zitadel_version=3.52.0
install_zitadel() {
    needs go golang-go
    GOBIN="$1" go install "github.com/zitadel/oidc/v3/example/server@v$zitadel_version" >&2
}

# Two at once would be in each other's way.
exec 9>"$folder/lock"
flock 9
for server in "$@"; do
    declare -F "install_$server" >/dev/null || fail "there is no server $server"
    version="${server//-/_}_version"
    if [[ "$(cat "$folder/$server/installed" 2>/dev/null || true)" != "${!version}" ]]; then
        rm -rf "${folder:?}/$server"
        mkdir "$folder/$server"
        "install_$server" "$folder/$server"
        echo "${!version}" >"$folder/$server/installed"
    fi
done
