#include "database.hpp"
#include "migrations.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

namespace moqrtc::reference {
namespace {

constexpr int busy_milliseconds = 2000; ///< somebody else looks at the file

[[noreturn]] void fail(sqlite3* of) {
    if ((sqlite3_errcode(of) & 0xff) == SQLITE_CONSTRAINT)
        throw storage_conflict{std::string{"database: "} + sqlite3_errmsg(of)};
    throw storage_failure{std::string{"database: "} + sqlite3_errmsg(of)};
}

void execute(sqlite3* of, const char* sql) {
    if (sqlite3_exec(of, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(of);
}

} // namespace

statement::statement(sqlite3* of, std::string_view sql) : of_{of} {
    if (sqlite3_prepare_v2(of, sql.data(), static_cast<int>(sql.size()), &made_, nullptr) !=
        SQLITE_OK)
        fail(of);
}

statement::~statement() {
    sqlite3_finalize(made_);
}

statement& statement::bind(std::int64_t value) {
    if (sqlite3_bind_int64(made_, ++bound_, value) != SQLITE_OK) fail(of_);
    return *this;
}

statement& statement::bind(std::string_view value) {
    // A view of nothing may have a null pointer, which would become NULL.
    const char* text = value.empty() ? "" : value.data();
    if (sqlite3_bind_text64(made_, ++bound_, text, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8) !=
        SQLITE_OK)
        fail(of_);
    return *this;
}

statement& statement::bind(std::nullptr_t) {
    if (sqlite3_bind_null(made_, ++bound_) != SQLITE_OK) fail(of_);
    return *this;
}

statement& statement::bind(const stored_value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) return bind(*number);
    if (const auto* text = std::get_if<std::string>(&value)) return bind(std::string_view{*text});
    return bind(nullptr);
}

bool statement::step() {
    switch (sqlite3_step(made_)) {
    case SQLITE_ROW:
        return true;
    case SQLITE_DONE:
        return false;
    default:
        fail(of_);
    }
}

void statement::run() {
    while (step()) {
    }
}

int statement::columns() const {
    return sqlite3_column_count(made_);
}

std::int64_t statement::integer(int column) const {
    return sqlite3_column_int64(made_, column);
}

std::string statement::text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(made_, column));
    if (bytes == nullptr) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(made_, column))};
}

stored_value statement::value(int column) const {
    switch (sqlite3_column_type(made_, column)) {
    case SQLITE_INTEGER:
        return integer(column);
    case SQLITE_NULL:
        return nullptr;
    default:
        return text(column);
    }
}

database::database(const std::filesystem::path& file) {
    const auto name = file.empty() ? std::string{":memory:"} : file.string();
    if (!file.empty()) {
        // Made here, because SQLite would make it readable to others; its log follows the file.
        const int made = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
        if (made < 0) throw storage_failure{name + ": cannot be opened"};
        ::fchmod(made, S_IRUSR | S_IWUSR);
        ::close(made);
    }
    // No mutexes in there: one thread uses it.
    constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    try {
        if (sqlite3_open_v2(name.c_str(), &open_, flags, nullptr) != SQLITE_OK) fail(open_);
        sqlite3_busy_timeout(open_, busy_milliseconds);
        execute(open_, "PRAGMA journal_mode = WAL");
        execute(open_, "PRAGMA synchronous = FULL");
        execute(open_, "PRAGMA foreign_keys = ON");
        migrate();
    } catch (const storage_failure& failure) {
        sqlite3_close(open_);
        throw storage_failure{name + ": " + failure.what()};
    }
}

database::~database() {
    sqlite3_close(open_);
}

std::int64_t database::changes() const {
    return sqlite3_changes64(open_);
}

int database::schema_version() const {
    auto asked = prepare("PRAGMA user_version");
    return asked.step() ? static_cast<int>(asked.integer(0)) : 0;
}

void database::migrate() {
    const auto all = schema_migrations();
    const int found = schema_version();
    if (found > static_cast<int>(all.size()))
        throw storage_failure{"was written by a newer version (schema " + std::to_string(found) +
                              ", this one knows " + std::to_string(all.size()) + ")"};
    for (auto next = static_cast<std::size_t>(found); next < all.size(); ++next) {
        transaction step{*this};
        execute(open_, all[next]);
        execute(open_, ("PRAGMA user_version = " + std::to_string(next + 1)).c_str());
        step.commit();
    }
}

database::transaction::transaction(database& of)
    : of_{&of}, inner_{sqlite3_get_autocommit(of.open_) == 0} {
    of_->run(inner_ ? "SAVEPOINT inside" : "BEGIN IMMEDIATE");
}

void database::transaction::commit() {
    of_->run(inner_ ? "RELEASE inside" : "COMMIT");
    of_ = nullptr;
}

database::transaction::~transaction() {
    // Failing here means that SQLite rolled back already.
    if (of_ != nullptr)
        sqlite3_exec(of_->open_, inner_ ? "ROLLBACK TO inside; RELEASE inside" : "ROLLBACK",
                     nullptr, nullptr, nullptr);
}

} // namespace moqrtc::reference
