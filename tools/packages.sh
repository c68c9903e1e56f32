# The Debian 12 packages that parley needs, by purpose. Sourced by tools/install.sh; nothing else names packages.
packages_build="g++ cmake ninja-build pkg-config ccache lld git ca-certificates python3
    libboost1.81-dev libboost-json1.81-dev libssl-dev libexpat1-dev libunbound-dev libicu-dev libidn2-dev libgsasl-dev
    libsqlite3-dev libxxhash-dev libjemalloc-dev libspdlog-dev libtoml11-dev libcli11-dev
    libgtest-dev libgmock-dev libsofia-sip-ua-dev"
packages_lint="clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev"
packages_demo="openssl python3-cryptography python3-slixmpp iproute2 util-linux prosody lua-unbound
    kamailio kamailio-presence-modules kamailio-tls-modules kamailio-xml-modules baresip-core"
packages_test="$packages_demo $packages_lint ejabberd linphone-cli go-sendxmpp profanity tmux sip-tester stunnel4 sqlite3
    nsd ldnsutils"
packages_bench="openssl python3 python3-cryptography prosody lua-unbound dnsmasq-base ejabberd
    kamailio kamailio-presence-modules kamailio-tls-modules kamailio-xml-modules"
