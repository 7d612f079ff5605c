#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

struct sqlite3;
struct sqlite3_stmt;

namespace moqrtc::reference {

/// The database does not do what it should: the disk is full or broken. Whoever answers a request
/// says so, and the server goes on.
class storage_failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What was to be written contradicts what is there: a second record of something that there is one
/// of, or a reference to nothing.
class storage_conflict : public storage_failure {
public:
    using storage_failure::storage_failure;
};

/// What a column holds.
using stored_value = std::variant<std::nullptr_t, std::int64_t, std::string>;

/// A prepared statement. Its parameters are given once, then rows are stepped through.
class statement {
public:
    statement(sqlite3* of, std::string_view sql);
    ~statement();
    statement(const statement&) = delete;
    statement& operator=(const statement&) = delete;

    /// The next parameter.
    statement& bind(std::int64_t value);
    statement& bind(std::string_view value);
    statement& bind(const std::string& value) { return bind(std::string_view{value}); }
    statement& bind(std::nullptr_t);
    statement& bind(const stored_value& value);
    /// True when there is a row.
    [[nodiscard]] bool step();
    /// To the end, whatever rows there are.
    void run();

    [[nodiscard]] int columns() const;
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] stored_value value(int column) const;

private:
    sqlite3* of_;
    sqlite3_stmt* made_ = nullptr;
    int bound_ = 0;
};

/// The database of the control plane: SQLite with a write-ahead log; what is committed is on the
/// disk. Everything that knows SQLite is behind this.
///
/// Threads one at a time. Errors  `storage_failure`.
class database {
public:
    /// Opens or makes the file, readable by its owner alone, and brings its schema up to date. An
    /// empty path is a database in memory. A schema newer than ours is refused.
    explicit database(const std::filesystem::path& file);
    ~database();
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    [[nodiscard]] statement prepare(std::string_view sql) const { return {open_, sql}; }
    /// One statement with its parameters, run to the end. Returns how many rows it changed.
    template <class... Values>
    std::int64_t run(std::string_view sql, const Values&... values) {
        auto one = prepare(sql);
        (one.bind(values), ...);
        one.run();
        return changes();
    }
    /// The first column of the first row.
    template <class... Values>
    [[nodiscard]] std::optional<stored_value> first(std::string_view sql, const Values&... values) {
        auto one = prepare(sql);
        (one.bind(values), ...);
        if (!one.step()) return std::nullopt;
        return one.value(0);
    }
    template <class... Values>
    [[nodiscard]] std::int64_t count(std::string_view sql, const Values&... values) {
        const auto found = first(sql, values...);
        const auto* number = found ? std::get_if<std::int64_t>(&*found) : nullptr;
        return number == nullptr ? 0 : *number;
    }
    [[nodiscard]] int schema_version() const;

    /// Statements that take effect together: rolled back unless committed. One inside another is
    /// part of the outer one.
    class transaction {
    public:
        explicit transaction(database& of);
        ~transaction();
        transaction(const transaction&) = delete;
        transaction& operator=(const transaction&) = delete;
        void commit();

    private:
        database* of_;
        bool inner_;
    };

private:
    [[nodiscard]] std::int64_t changes() const;
    void migrate();

    sqlite3* open_ = nullptr;
};

} // namespace moqrtc::reference
