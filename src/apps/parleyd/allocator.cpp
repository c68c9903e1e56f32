// How jemalloc keeps what is freed: not at all. A log-in or a TLS handshake leaves pages behind that an idle session
// does not need; docs/adr/0016-jemalloc.md has the figures. It reads this when the program starts; MALLOC_CONF in the
// environment has the last word. Builds with sanitizers have their own allocator, which knows nothing of it.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "dirty_decay_ms:0,muzzy_decay_ms:0";
}
