#pragma once

struct ssl_st;
struct x509_store_ctx_st;

namespace parley::net {

// Our verify callback lets every chain pass and notes the first thing that is wrong with it. Internal to net.
int note_verify_error(int ok, x509_store_ctx_st* store);
long first_verify_error(const ssl_st* ssl);  // X509_V_OK (0) when nothing was wrong

}  // namespace parley::net
