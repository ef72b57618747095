// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The machine, and all results as Markdown tables that read well as plain text too. */
#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "micro.h"

namespace micro
{

namespace
{

using row = std::vector<std::string>;

std::map<std::string, std::string> notes;
std::map<std::string, std::vector<row>> matrices;

std::string format(const char *fmt, double v)
{
	char text[64];

	std::snprintf(text, sizeof(text), fmt, v);
	return text;
}

/* Three digits, or the whole part where that has more. */
std::string digits(double v)
{
	return format(v < 9.995 ? "%.2f" : v < 99.95 ? "%.1f" : "%.0f", v);
}

std::string cpu_model()
{
	std::ifstream info("/proc/cpuinfo");
	std::string line, hypervisor = ", no hypervisor", model = "unknown CPU";

	while (std::getline(info, line)) {
		if (line.rfind("model name", 0) == 0)
			model = line.substr(line.find(':') + 2);
		if (line.rfind("flags", 0) == 0 && line.find(" hypervisor") != std::string::npos)
			hypervisor = ", a virtual machine";
	}
	return model + hypervisor;
}

const entry *find(const std::string &name)
{
	for (const entry &e : entries())
		if (e.name == name && !e.ns.empty())
			return &e;
	return nullptr;
}

double median(std::vector<double> v)
{
	std::sort(v.begin(), v.end());
	return v.size() % 2 ? v[v.size() / 2] : (v[v.size() / 2 - 1] + v[v.size() / 2]) / 2;
}

std::string spread(const entry &e)
{
	auto [least, most] = std::minmax_element(e.ns.begin(), e.ns.end());

	return digits(*least) + " to " + digits(*most);
}

/* Its time over its rival's; NAN where one of the two did not run. */
double ratio(const entry &e)
{
	const entry *ref = find(e.group + "/" + e.against.ref);
	std::vector<double> each;

	for (size_t i = 0; ref && i < std::min(e.ns.size(), ref->ns.size()); i++)
		each.push_back(e.ns[i] / ref->ns[i]);
	return each.empty() ? NAN : median(each);
}

std::string aim(const entry &e)
{
	const against &a = e.against;
	std::string want;

	if (a.at_least > 0)
		want = "at least " + format("%.3g", a.at_least);
	if (a.at_most > 0)
		want = "at most " + format("%.3g", a.at_most);
	return want;
}

bool reached(const entry &e)
{
	double r = ratio(e);

	return e.against.at_most > 0 ? r <= e.against.at_most : r >= e.against.at_least;
}

void print_table(std::ostream &out, const std::vector<row> &rows)
{
	std::vector<size_t> width(rows[0].size());

	for (const row &r : rows)
		for (size_t i = 0; i < r.size(); i++)
			width[i] = std::max(width[i], r[i].size());
	for (size_t n = 0; n < rows.size(); n++) {
		for (size_t i = 0; i < width.size(); i++) {
			const std::string &cell = rows[n][i];
			std::string pad(width[i] - cell.size(), ' ');

			out << "| " << (i ? pad + cell : cell + pad) << " ";
		}
		out << "|\n";
		for (size_t i = 0; n == 0 && i < width.size(); i++)
			out << "|" << std::string(width[i] + 1, '-') << (i ? ":" : "-");
		out << (n == 0 ? "|\n" : "");
	}
}

void print_group(std::ostream &out, const std::string &group)
{
	std::vector<row> rows = { { group, "ns", "of the repetitions", "ratio", "to" } };

	for (const entry &e : entries())
		if (e.group == group && !e.ns.empty())
			rows.push_back({ e.name.substr(group.size() + 1), digits(median(e.ns)),
					 spread(e), std::isnan(ratio(e)) ? "" : digits(ratio(e)),
					 std::isnan(ratio(e)) ? "" : e.against.ref });
	if (rows.size() == 1)
		return;
	out << "\n### " << group << "\n\n";
	if (notes.count(group))
		out << notes[group] << "\n\n";
	print_table(out, rows);
}

void print_matrix(std::ostream &out, const std::string &group, bool heading)
{
	std::vector<row> rows = matrices[group];
	bool any = false;

	for (size_t r = 1; r < rows.size(); r++) {
		for (size_t i = 1; i < rows[r].size(); i++) {
			const entry *e = find(group + "/" + rows[r][i]);

			any |= e != nullptr;
			rows[r][i] = e ? digits(median(e->ns)) : "";
		}
	}
	if (!any)
		return;
	out << "\n";
	if (heading)
		out << "### " << group << "\n\n" << notes[group] << "\n\n";
	print_table(out, rows);
}

void print_aims(std::ostream &out)
{
	std::vector<row> rows = { { "aim", "ratio to", "is", "aim", "" } };

	for (const entry &e : entries())
		if (!std::isnan(ratio(e)) && !aim(e).empty())
			rows.push_back({ e.name, e.against.ref, digits(ratio(e)), aim(e),
					 reached(e) ? "reached" : "MISSED" });
	if (rows.size() == 1)
		return;
	out << "\n### Aims\n\n";
	print_table(out, rows);
}

/* A rival's name beside what it is compared with: without the folder that both are in. */
std::string beside(const entry &e)
{
	std::string name = e.name.substr(e.group.size() + 1), ref = e.against.ref;
	std::string folder = ref.substr(0, ref.rfind('/') + 1);

	return name.substr(name.compare(0, folder.size(), folder) ? 0 : folder.size());
}

/* A line for whatever others are compared with: their names and how many times as long they take. */
void print_rivals(std::ostream &out)
{
	out << "| function | ns | the others: how many times as long |\n|---|---:|---|\n";
	for (const entry &ref : entries()) {
		std::string rivals;

		if (matrices.count(ref.group) || ref.ns.empty())
			continue;
		for (const entry &e : entries())
			if (e.group + "/" + e.against.ref == ref.name && !std::isnan(ratio(e)))
				rivals += (rivals.empty() ? "" : ", ") + beside(e) + " " +
					  digits(ratio(e));
		if (!rivals.empty())
			out << "| " << ref.name << " | " << digits(median(ref.ns)) << " | "
			    << rivals << " |\n";
	}
}

} // namespace

std::vector<std::pair<std::string, std::string>> machine()
{
	const benchmark::CPUInfo &cpu = benchmark::CPUInfo::Get();
	std::ostringstream caches;
	struct utsname uts;

	uname(&uts);
	for (const auto &c : cpu.caches)
		if (c.type != "Instruction")
			caches << (caches.tellp() ? ", " : "") << "L" << c.level << " "
			       << c.size / 1024 << " KiB";
	return { { "cpu", std::to_string(cpu.num_cpus) + " x " + cpu_model() },
		 { "data caches", caches.str() },
		 { "kernel", std::string(uts.sysname) + " " + uts.release },
		 { "compiler", "gcc " __VERSION__ ", -O3" } };
}

void note(const std::string &group, const std::string &text)
{
	notes[group] = text;
}

void matrix(const std::string &group, const std::vector<std::vector<std::string>> &cells)
{
	matrices[group] = cells;
}

void report(std::ostream &out)
{
	std::string last;
	size_t repetitions = 0;

	for (const entry &e : entries())
		repetitions = std::max(repetitions, e.ns.size());
	for (const auto &[key, value] : machine())
		out << key << ": " << value << "\\\n";
	out << "medians of " << repetitions
	    << " repetitions in shuffled order, least and most beside them; ns an item; a ratio "
	       "above 1 means slower than what it is the ratio to\n";
	for (const entry &e : entries()) {
		if (e.group == last)
			continue;
		last = e.group;
		if (matrices.count(last))
			print_matrix(out, last, true);
		else
			print_group(out, last);
	}
	print_aims(out);
}

void summary(std::ostream &out)
{
	print_rivals(out);
	print_matrix(out, "economics", false);
	out << "\n";
	for (const auto &[key, value] : machine())
		out << (key == "cpu" ? "" : "; ") << key << ": " << value;
	out << ".\n";
}

} // namespace micro
