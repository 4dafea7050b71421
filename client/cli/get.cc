// pannier get

#include "client/cli/command.h"
#include "client/cli/human.h"
#include "client/cli/json_value.h"
#include "client/cli/value_form.h"

namespace pannier::cli {

namespace {

constexpr const char* kExamples = R"(
Examples:
  pannier get lru greeting || echo none
  pannier get lru picture --bytes > picture.png)";

struct Given {
  KeyArguments where;
  OutputForm form;
  bool with_meta = false;
};

void print_hit_as_json(Session& session, const Entry<std::string>& entry, bool with_meta) {
  const auto value = to_json(entry.value);
  if (!with_meta) return session.print_json({{"hit", true}, {"value", value}});
  const JsonText ttl_ms = entry.ttl ? JsonText(entry.ttl->count()) : nullptr;
  session.print_json({{"hit", true}, {"value", value}, {"version", entry.version}, {"ttl_ms", ttl_ms}});
}

void print_meta(Session& session, const Entry<std::string>& entry) {
  const auto ttl = entry.ttl ? "expires in " + human_duration(static_cast<std::uint64_t>(entry.ttl->count()))
                             : "does not expire";
  session.print_line("version " + std::to_string(entry.version) + ", " + ttl);
}

void get(Session& session, const Given& given) {
  const auto entry = session.client().get_entry_raw(given.where.cache, given.where.key);
  session.finish_if(entry.has_value());
  if (session.json()) {
    if (entry) return print_hit_as_json(session, *entry, given.with_meta);
    return session.print_json({{"hit", false}});
  }
  if (!entry) return;
  if (given.with_meta) print_meta(session, *entry);
  print_value(session, entry->value, given.form);
}

}  // namespace

void add_get(Arguments& arguments, Session& session) {
  const auto given = std::make_shared<Given>();
  arguments.cache_and_key(given->where);
  add_output_form(arguments, given->form);
  arguments.flag("--meta", given->with_meta, "Print version and time left too, in a line before the value");
  arguments.help(
      std::string("A str is printed as text, any other value as JSON. A miss prints nothing.\n\n") +
      kJsonFormsHelp + kExamples);
  arguments.run([&session, given] { get(session, *given); });
}

}  // namespace pannier::cli
