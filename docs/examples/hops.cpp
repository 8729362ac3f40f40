// SPDX-License-Identifier: Apache-2.0
/*
 * C++: the hops of a request, by any of its ids.
 *
 *   c++ -std=c++17 hops.cpp -o hops $(pkg-config --cflags --libs dflow)
 *   ./hops /var/lib/dflow/store.db 073f09af
 *
 * Objects of the library are held by unique_ptr, and errors become exceptions.
 */
#include <dflow.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Deleter {
	void operator()(dflow_store *store) const { dflow_store_close(store); }
	void operator()(dflow_traces *traces) const { dflow_traces_free(traces); }
};

using Store = std::unique_ptr<dflow_store, Deleter>;
using Traces = std::unique_ptr<dflow_traces, Deleter>;

void check(int r, const dflow_error &error)
{
	if (r < 0)
		throw std::runtime_error(error.message);
}

Store open_store(const char *path)
{
	dflow_store *store = nullptr;
	dflow_error error;

	check(dflow_store_open(path, &store, &error), error);
	return Store(store);
}

Traces find(const Store &store, const char *id)
{
	dflow_traces *traces = nullptr;
	dflow_error error;

	check(dflow_store_find(store.get(), id, &traces, &error), error);
	return Traces(traces);
}

std::string text(const char *s)
{
	return s ? s : "?";
}

std::string join(const std::vector<std::string> &words)
{
	std::string all;

	for (const auto &word : words)
		all += (all.empty() ? "" : ",") + word;
	return all;
}

std::string encodings(const dflow_trace *trace, size_t i, const dflow_hop &hop)
{
	std::vector<std::string> words;

	for (size_t k = 0; k < hop.n_encodings; k++)
		words.push_back(text(dflow_trace_hop_encoding(trace, i, k)));
	return join(words);
}

std::string evidence(const dflow_hop &hop)
{
	std::vector<std::string> words;

	if (hop.evidence & DFLOW_EVIDENCE_CONTENT)
		words.push_back("content");
	if (hop.evidence & DFLOW_EVIDENCE_ID)
		words.push_back("id");
	if (hop.evidence & DFLOW_EVIDENCE_CAUSAL)
		words.push_back("causal");
	return join(words);
}

void print(const dflow_trace *trace)
{
	std::printf("%s %s\n", dflow_trace_id(trace), text(dflow_trace_operation(trace)).c_str());
	for (size_t i = 0; i < dflow_trace_hop_count(trace); i++) {
		dflow_hop hop = {};

		hop.sz = sizeof(hop);
		if (dflow_trace_hop(trace, i, &hop))
			throw std::bad_alloc();
		std::printf("  %u %s -> %s: %s, %.0f%% of %s (%s; %s)%s\n", hop.seq,
			    text(hop.from_station).c_str(), text(hop.to_station).c_str(),
			    text(hop.place ? hop.place : hop.operation).c_str(), hop.coverage * 100,
			    text(hop.field).c_str(), evidence(hop).c_str(),
			    encodings(trace, i, hop).c_str(),
			    hop.ambiguous ? ", or of another request" : "");
	}
}

} // namespace

int main(int argc, char **argv)
{
	if (argc != 3) {
		std::fprintf(stderr, "usage: hops STORE ID\n");
		return 2;
	}
	try {
		Store store = open_store(argv[1]);
		Traces traces = find(store, argv[2]);

		for (size_t i = 0; i < dflow_traces_count(traces.get()); i++)
			print(dflow_traces_at(traces.get(), i));
	} catch (const std::exception &e) {
		std::fprintf(stderr, "hops: %s\n", e.what());
		return 1;
	}
	return 0;
}
