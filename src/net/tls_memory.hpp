#pragma once

namespace parley::net {

// Lets OpenSSL take the buffers of its records from a few that each thread keeps. A connection that waits holds none
// (docs/adr/0008-own-tls-on-the-socket.md), so each read and each write takes one of 17 KiB and gives it back; as large
// pieces of the heap they cost more than the decryption. First thing in main(): OpenSSL takes it before its own first
// allocation only, and goes on with malloc otherwise.
void keep_record_buffers();

}  // namespace parley::net
