#include "xmpp/payload/datetime.hpp"

#include <cstdio>
#include <optional>

namespace parley::xmpp {
namespace {

// Reads fixed-width fields from the front; one wrong character and everything after it fails.
class Fields {
public:
    explicit Fields(std::string_view text) : rest_(text) {}

    int number(std::size_t digits) {
        int value = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') {
                good_ = false;
                return 0;
            }
            value = value * 10 + (rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        return value;
    }
    void literal(char c) {
        if (!skip(c)) good_ = false;
    }
    bool skip(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    int milliseconds() {  // the digits behind the point, at least one
        int value = 0, seen = 0;
        while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
            if (++seen <= 3) value = value * 10 + (rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        if (seen == 0) good_ = false;
        for (; seen < 3; ++seen) value *= 10;
        return value;
    }
    std::string_view rest() const { return rest_; }
    bool good() const { return good_; }

private:
    std::string_view rest_;
    bool good_ = true;
};

Error malformed() {
    return {Errc::malformed, "not a date and time of XEP-0082"};
}

}  // namespace

Result<std::chrono::minutes> parse_timezone(std::string_view text) {
    using std::chrono::minutes;
    if (text == "Z") return minutes(0);
    Fields fields(text);
    const bool behind = fields.skip('-');
    if (!behind) fields.literal('+');
    const int hours = fields.number(2);
    fields.literal(':');
    const int rest = fields.number(2);
    if (!fields.good() || !fields.rest().empty() || hours > 23 || rest > 59) return malformed();
    const minutes offset(hours * 60 + rest);
    return behind ? -offset : offset;
}

std::string format_timezone(std::chrono::minutes offset) {
    if (offset.count() == 0) return "Z";
    const auto all = static_cast<int>(offset.count() < 0 ? -offset.count() : offset.count());
    char text[16];
    std::snprintf(text, sizeof text, "%c%02d:%02d", offset.count() < 0 ? '-' : '+', all / 60 % 100, all % 60);
    return text;
}

Result<TimePoint> parse_datetime(std::string_view text) {
    namespace ch = std::chrono;
    Fields fields(text);
    const int year = fields.number(4);
    fields.literal('-');
    const auto month = static_cast<unsigned>(fields.number(2));
    fields.literal('-');
    const auto day = static_cast<unsigned>(fields.number(2));
    fields.literal('T');
    const int hours = fields.number(2);
    fields.literal(':');
    const int minutes = fields.number(2);
    fields.literal(':');
    const int seconds = fields.number(2);
    const int milliseconds = fields.skip('.') ? fields.milliseconds() : 0;
    const auto offset = parse_timezone(fields.rest());
    const ch::year_month_day date{ch::year(year), ch::month(month), ch::day(day)};
    if (!fields.good() || !offset || !date.ok() || hours > 23 || minutes > 59 || seconds > 60) return malformed();
    return TimePoint(ch::sys_days(date)) + ch::hours(hours) + ch::minutes(minutes) - *offset + ch::seconds(seconds) +
           Millis(milliseconds);
}

std::string format_datetime(TimePoint time) {
    namespace ch = std::chrono;
    const auto day = ch::floor<ch::days>(time);
    const ch::year_month_day date(day);
    const ch::hh_mm_ss clock(time - day);
    char text[64];
    int size = std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                             static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                             static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                             static_cast<int>(clock.seconds().count()));
    std::string out(text, static_cast<std::size_t>(size));
    if (const auto milliseconds = static_cast<int>(clock.subseconds().count()); milliseconds != 0) {
        size = std::snprintf(text, sizeof text, ".%03d", milliseconds);
        out.append(text, static_cast<std::size_t>(size));
    }
    return out + "Z";
}

}  // namespace parley::xmpp
