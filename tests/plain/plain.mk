# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The unit tests without Criterion, for tools that follow threads and memory. Those that look at
# redirected output need Criterion, and stay with it.

PLAIN_SRC := $(filter-out tests/unit/test_options.c tests/unit/test_config.c,$(UNIT_SRC)) \
	tests/plain/plain.c
PLAIN_OBJ := $(PLAIN_SRC:tests/%.c=$(B)/plain/%.o)

$(PLAIN_OBJ): $(B)/plain/%.o: tests/%.c | $(SKEL)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests/plain -Itests -Ibench/mevload $(TEST_CFLAGS) -MMD -MP -c $< -o $@

$(B)/plain-tests: $(PLAIN_OBJ) $(LIB_OBJ) $(MEVLOAD_PURE)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -lm -o $@

# Where threads meet. GCC warns that fences are not modelled: the pool's sequence lock rests on one
# and is shown by its own test. Debian's lwIP is not instrumented, so its locks are not seen. The
# address space that TSan wants is not to be had with random mmap.
TSAN_SUITES := xsk_worker xsk_worker_asleep response_ring
.PHONY: tsan valgrind coverage
tsan: ## unit tests of what threads share under ThreadSanitizer
	$(Q)$(MAKE) --no-print-directory B=build-thread SAN=thread OPT="-O1 -Wno-tsan" \
		build-thread/plain-tests
	$(Q)setarch -R build-thread/plain-tests $(TSAN_SUITES)

# Without those that hand over hundreds of thousands of frames between threads, of which valgrind runs
# one at a time, and the one whose sandbox valgrind does not fit into.
valgrind: $(B)/plain-tests ## unit tests under valgrind
	$(Q)valgrind -q --error-exitcode=9 --leak-check=no $< -xsk_worker -pool -broker -quiesce

# The hot path is what CONTRIBUTING.md says it is, and what it calls.
COVERAGE_OF := -f include/ -f 'user/(hot_path|xsk_worker|response_ring|latency|user_filter|pool_table|record_stream|frame_queue)\.'
coverage: ## lines of include/ and the hot path that unit and econ tests run: at least 90 %
	$(Q)$(RM) -r build-coverage
	$(Q)$(MAKE) --no-print-directory B=build-coverage OPT="-O0 --coverage" \
		build-coverage/unit-tests build-coverage/mevnode
	$(Q)build-coverage/unit-tests >/dev/null 2>&1
	$(Q)MEVNODE=build-coverage/mevnode /usr/bin/python3 -m pytest -q tests/econ
	$(Q)gcovr -r . --object-directory build-coverage $(COVERAGE_OF) --fail-under-line 90 \
		--html-details build-coverage/index.html --txt -
	@echo "details: build-coverage/index.html"
