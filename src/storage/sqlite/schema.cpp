#include "storage/sqlite/schema.hpp"

#include <array>

namespace parley::storage::sqlite {
namespace {

constexpr std::int64_t application_id = 0x5041524C;  // "PARL", shown by file(1)

// Index 0 is the step from nothing to version 1.
constexpr std::array migrations{
    // Users are numbers in all other tables: an index entry of the spool is a few bytes instead of a JID.
    R"sql(
CREATE TABLE user (
    id     INTEGER PRIMARY KEY,
    domain TEXT NOT NULL,
    local  TEXT NOT NULL,
    UNIQUE (domain, local)
);
CREATE TABLE account (
    user              INTEGER PRIMARY KEY REFERENCES user,
    disabled          INTEGER NOT NULL,
    sha1_salt         BLOB NOT NULL,
    sha1_iterations   INTEGER NOT NULL,
    sha1_stored       BLOB NOT NULL,
    sha1_server       BLOB NOT NULL,
    sha256_salt       BLOB NOT NULL,
    sha256_iterations INTEGER NOT NULL,
    sha256_stored     BLOB NOT NULL,
    sha256_server     BLOB NOT NULL
);
CREATE TABLE roster (
    user    INTEGER PRIMARY KEY REFERENCES user,
    version INTEGER NOT NULL
);
CREATE TABLE roster_item (
    user         INTEGER NOT NULL REFERENCES user,
    contact      TEXT NOT NULL,
    name         TEXT NOT NULL,
    groups       BLOB NOT NULL,
    subscription INTEGER NOT NULL,
    flags        INTEGER NOT NULL,
    request      TEXT NOT NULL,
    PRIMARY KEY (user, contact)
) WITHOUT ROWID;
-- A row's id grows with time, so appending touches the last page only. One index serves the look-up of a double, the queue of a
-- user (its ids are sorted after reading, a queue is bounded) and, because it holds the size, the quota.
CREATE TABLE spool (
    id          INTEGER PRIMARY KEY,
    user        INTEGER NOT NULL REFERENCES user,
    origin_hash INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    received    INTEGER NOT NULL,
    sender      TEXT NOT NULL,
    origin      TEXT NOT NULL,
    stanza      TEXT NOT NULL
);
CREATE INDEX spool_by_user ON spool (user, origin_hash, size);
CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY,
    origin_hash INTEGER NOT NULL,
    received    INTEGER NOT NULL,
    sender      TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    origin      TEXT NOT NULL,
    stanza      TEXT NOT NULL
);
CREATE INDEX outbox_by_origin ON outbox (origin_hash);
-- Origins whose messages were removed a short while ago, packed: one row a commit.
CREATE TABLE recent_origin (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    entries BLOB NOT NULL
);
CREATE TABLE sequence (
    name     TEXT PRIMARY KEY,
    reserved INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE dialog (
    id     INTEGER PRIMARY KEY,
    slot   INTEGER NOT NULL,
    key    TEXT NOT NULL,
    record BLOB NOT NULL,
    UNIQUE (slot, key)
);
CREATE TABLE vcard (
    user INTEGER PRIMARY KEY REFERENCES user,
    xml  TEXT NOT NULL
);
CREATE TABLE federation_rule (
    domain              TEXT PRIMARY KEY,
    allowed             INTEGER NOT NULL,
    transport           INTEGER NOT NULL,
    profile             TEXT NOT NULL,
    tls                 INTEGER NOT NULL,
    dialback            INTEGER NOT NULL,
    plain_dialback      INTEGER NOT NULL,
    trusted_certificate INTEGER NOT NULL,
    next_hop            TEXT NOT NULL,
    next_hop_tls        INTEGER NOT NULL,
    tls_names           BLOB NOT NULL,
    comment             TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
)sql",
    "ALTER TABLE federation_rule ADD COLUMN trusted_by_partner INTEGER NOT NULL DEFAULT 0;",
    // The sum of a record's values (record_sum.hpp); NULL in what an older parley has written.
    R"sql(
ALTER TABLE account ADD COLUMN sum INTEGER;
ALTER TABLE roster_item ADD COLUMN sum INTEGER;
ALTER TABLE spool ADD COLUMN sum INTEGER;
ALTER TABLE outbox ADD COLUMN sum INTEGER;
ALTER TABLE dialog ADD COLUMN sum INTEGER;
ALTER TABLE vcard ADD COLUMN sum INTEGER;
)sql",
    "ALTER TABLE federation_rule ADD COLUMN legacy_tls_until INTEGER NOT NULL DEFAULT 0;",
    R"sql(
ALTER TABLE federation_rule ADD COLUMN clearing_house TEXT NOT NULL DEFAULT '';
ALTER TABLE federation_rule ADD COLUMN mail_names INTEGER NOT NULL DEFAULT 1;
)sql",
    R"sql(
CREATE TABLE user_policy (
    user    INTEGER PRIMARY KEY REFERENCES user,
    inside  INTEGER NOT NULL,
    outside INTEGER NOT NULL
);
CREATE TABLE user_policy_entry (
    user       INTEGER NOT NULL REFERENCES user,
    who        TEXT NOT NULL,
    verdict    INTEGER NOT NULL,
    decided_by INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    sum        INTEGER NOT NULL,
    PRIMARY KEY (user, who)
) WITHOUT ROWID;
)sql",
    // Rooms, and of each the newest messages. The index serves the look-up of a double and the order (see spool).
    R"sql(
CREATE TABLE room (
    id      INTEGER PRIMARY KEY,
    domain  TEXT NOT NULL,
    local   TEXT NOT NULL,
    creator TEXT NOT NULL,
    name    TEXT NOT NULL,
    listed  INTEGER NOT NULL,
    record  TEXT NOT NULL,
    sum     INTEGER,
    UNIQUE (domain, local)
);
CREATE TABLE room_message (
    id          INTEGER PRIMARY KEY,
    room        INTEGER NOT NULL REFERENCES room,
    origin_hash INTEGER NOT NULL,
    received    INTEGER NOT NULL,
    origin      TEXT NOT NULL,
    stanza      TEXT NOT NULL,
    sum         INTEGER
);
CREATE INDEX room_message_by_origin ON room_message (room, origin_hash);
)sql",
    R"sql(
ALTER TABLE federation_rule ADD COLUMN external_in INTEGER NOT NULL DEFAULT 1;
ALTER TABLE federation_rule ADD COLUMN external_out INTEGER NOT NULL DEFAULT 1;
ALTER TABLE federation_rule ADD COLUMN ask_certificate INTEGER NOT NULL DEFAULT 1;
ALTER TABLE federation_rule ADD COLUMN direct_tls INTEGER NOT NULL DEFAULT 1;
ALTER TABLE federation_rule ADD COLUMN release TEXT NOT NULL DEFAULT '';
)sql",
    R"sql(
ALTER TABLE federation_rule ADD COLUMN inbound INTEGER NOT NULL DEFAULT 1;
ALTER TABLE federation_rule ADD COLUMN outbound INTEGER NOT NULL DEFAULT 1;
ALTER TABLE federation_rule ADD COLUMN subdomains INTEGER NOT NULL DEFAULT 0;
)sql",
    R"sql(
ALTER TABLE federation_rule ADD COLUMN bidi INTEGER NOT NULL DEFAULT 1;
UPDATE federation_rule SET bidi = 0 WHERE profile IN ('googletalk', 'sametime', 'webex', 'cup');
)sql",
    // What happened with partners, for people: no sums, since nothing depends on it.
    R"sql(
CREATE TABLE partner_event (
    domain TEXT NOT NULL,
    number INTEGER NOT NULL,
    what   INTEGER NOT NULL,
    fault  INTEGER NOT NULL,
    by_us  INTEGER NOT NULL,
    local  TEXT NOT NULL,
    detail TEXT NOT NULL,
    place  TEXT NOT NULL,
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    times  INTEGER NOT NULL,
    PRIMARY KEY (domain, number)
) WITHOUT ROWID;
)sql",
    R"sql(
CREATE TABLE refusal (
    reference TEXT NOT NULL PRIMARY KEY,
    partner   TEXT NOT NULL,
    local     TEXT NOT NULL,
    protocol  TEXT NOT NULL,
    address   TEXT NOT NULL,
    condition TEXT NOT NULL,
    why       TEXT NOT NULL,
    remedy    TEXT NOT NULL,
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL,
    times     INTEGER NOT NULL
) WITHOUT ROWID;
)sql",
};

Result<void> apply(Connection& connection, int number) {
    std::string script = "BEGIN IMMEDIATE;";
    script += migrations[static_cast<std::size_t>(number - 1)];
    script += "INSERT INTO schema_version (number, applied) VALUES (" + std::to_string(number) +
              ", CAST(strftime('%s') AS INTEGER)); COMMIT;";
    auto done = connection.execute(script);
    if (!done && connection.in_transaction()) (void)connection.execute("ROLLBACK");
    return done;
}

Error about(const std::string& path, const std::string& what) {
    return Error{Errc::storage, path + ": " + what};
}

}  // namespace

const int schema_version = static_cast<int>(migrations.size());

Result<void> migrate_to(Connection& connection, const std::string& path, int version) {
    const auto id = connection.query_integer("PRAGMA application_id");
    if (!id) return about(path, id.error().detail);
    if (*id == 0) {
        const auto tables = connection.query_integer("SELECT count(*) FROM sqlite_master");
        if (!tables) return about(path, tables.error().detail);
        if (*tables != 0) return about(path, "this is a database of another program");
        // One transaction: a crash between leaves an empty file, which is where we began.
        auto made = connection.execute(
            "BEGIN IMMEDIATE; PRAGMA application_id = " + std::to_string(application_id) +
            "; CREATE TABLE schema_version (number INTEGER PRIMARY KEY, applied INTEGER NOT NULL); COMMIT;");
        if (!made) return about(path, made.error().detail);
    } else if (*id != application_id) {
        return about(path, "this is a database of another program");
    }
    const auto present = connection.query_integer("SELECT coalesce(max(number), 0) FROM schema_version");
    if (!present) return about(path, present.error().detail);
    if (*present > schema_version)
        return about(path, "it was written by a newer parley (schema " + std::to_string(*present) +
                               ", this one knows up to " + std::to_string(schema_version) +
                               "); install that version again or restore a backup");
    if (*present < 0) return about(path, "damaged: its schema has no number");
    for (int number = static_cast<int>(*present) + 1; number <= version; ++number)
        if (auto done = apply(connection, number); !done)
            return about(path, "migration " + std::to_string(number) + ": " + done.error().detail);
    return {};
}
Result<void> migrate(Connection& connection, const std::string& path) {
    return migrate_to(connection, path, schema_version);
}

}  // namespace parley::storage::sqlite
