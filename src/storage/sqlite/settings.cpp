#include "storage/sqlite/settings.hpp"

namespace parley::storage::sqlite {

Result<std::optional<std::string>> load_setting(Connection& connection, std::string_view name) {
    auto select = connection.prepare("SELECT value FROM setting WHERE name = ?1");
    select.bind(1, name);
    const auto found = select.step();
    if (!found) return found.error();
    if (!*found) return std::optional<std::string>{};
    return std::optional<std::string>{select.text(0)};
}
Result<void> put_setting(Connection& connection, std::string_view name, std::string_view value) {
    auto put = connection.prepare("INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)");
    return put.bind(1, name).bind_blob(2, value).run();
}
Result<std::string> setting_or_make(Connection& connection, std::string_view name, Function<std::string()> make) {
    auto present = load_setting(connection, name);
    if (!present) return present.error();
    if (*present) return **std::move(present);
    std::string value = make();
    if (const auto done = put_setting(connection, name, value); !done) return done.error();
    return value;
}

}  // namespace parley::storage::sqlite
