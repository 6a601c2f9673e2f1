/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Plans */

#include "driver/plan.h"

#include "api/vblk-error.h"

static void
step_free(Step *step)
{
    g_free(step->command);
    g_free(step->undo_command);
    g_clear_pointer(&step->arguments, g_variant_unref);
    g_clear_pointer(&step->undo_arguments, g_variant_unref);
    g_free(step);
}

void
plan_free(Plan *plan)
{
    if (plan == NULL)
        return;

    g_free(plan->job_id);
    g_ptr_array_unref(plan->steps);
    chain_free(plan->result);
    g_free(plan);
}

char *
plan_format_node(guint index)
{
    return g_strdup_printf("virtblock-%u-format", index);
}

char *
plan_storage_node(guint index)
{
    return g_strdup_printf("virtblock-%u-storage", index);
}

static Step *
add_step(Plan *plan, StepKind kind, const char *command, GVariant *arguments)
{
    Step *step = g_new0(Step, 1);

    step->kind = kind;
    step->command = g_strdup(command);
    step->arguments = arguments != NULL ? g_variant_ref_sink(arguments) : NULL;
    g_ptr_array_add(plan->steps, step);
    return step;
}

static Step *
add_id_step(Plan *plan, StepKind kind, const char *command)
{
    return add_step(plan, kind, command, g_variant_new_parsed("{'id': <%s>}", plan->job_id));
}

/* What fails after the copying leaves the image with its old backing file. */
static void
undo_by_cancel(Plan *plan, Step *step)
{
    step->undo_command = g_strdup("job-cancel");
    step->undo_arguments = g_variant_ref_sink(g_variant_new_parsed("{'id': <%s>}", plan->job_id));
}

static gboolean refuse(GError **error, VblkError code, const char *format, ...) G_GNUC_PRINTF(3, 4);

static gboolean
refuse(GError **error, VblkError code, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_propagate_error(error, g_error_new_valist(VBLK_ERROR, (int)code, format, list));
    va_end(list);
    return FALSE;
}

static gboolean
check_pull(const PullRequest *request,
           const Chain *chain,
           const PeerCapabilities *capabilities,
           GError **error)
{
    const Layer *top = chain_active(chain);

    if (!capabilities->has_block_stream || !capabilities->has_auto_finalize ||
        !capabilities->has_reopen)
        return refuse(error,
                      VBLK_ERROR_CONFIG_UNSUPPORTED,
                      "the process that serves disk '%s' cannot pull safely: it lacks "
                      "block-stream, auto-finalize or blockdev-reopen",
                      request->target);
    if (request->base == 0)
        return refuse(error,
                      VBLK_ERROR_INVALID_ARGUMENT,
                      "'%s' is the active layer of disk '%s' and cannot be the base as well",
                      top->path,
                      request->target);
    if (top->kind != LAYER_FILE && top->kind != LAYER_BLOCK)
        return refuse(error,
                      VBLK_ERROR_OPERATION_UNSUPPORTED,
                      "disk '%s' is no plain file or device: not supported yet",
                      request->target);
    if (chain_depth(chain) > 1 && g_strcmp0(top->format, "qcow2") != 0)
        return refuse(error,
                      VBLK_ERROR_CONFIG_UNSUPPORTED,
                      "the active layer '%s' of disk '%s' has format '%s', which has no backing "
                      "files",
                      top->path,
                      request->target,
                      top->format);
    return TRUE;
}

/* The name that the active layer will record for the base; to be freed. */
static char *
find_recorded_name(const PullRequest *request, const Chain *chain, GError **error)
{
    char *name;

    if (!request->keeps_relative)
        return g_strdup(chain_layer(chain, request->base)->path);

    name = chain_relative_name(chain, 0, request->base);
    if (name == NULL)
        refuse(error,
               VBLK_ERROR_OPERATION_INVALID,
               "can't keep relative backing relationship of disk '%s'",
               request->target);
    return name;
}

static GVariant *
stream_arguments(const PullRequest *request, const Chain *chain, const char *recorded_name)
{
    g_autofree char *top = plan_format_node(chain_active(chain)->index);
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    g_variant_dict_insert(&dict, "job-id", "s", request->job_id);
    g_variant_dict_insert(&dict, "device", "s", top);
    if (request->base != G_MAXUINT) {
        g_autofree char *base = plan_format_node(chain_layer(chain, request->base)->index);

        g_variant_dict_insert(&dict, "base-node", "s", base);
        g_variant_dict_insert(&dict, "backing-file", "s", recorded_name);
    }
    if (request->bandwidth_bps > 0)
        g_variant_dict_insert(&dict, "speed", "x", (gint64)request->bandwidth_bps);
    g_variant_dict_insert(&dict, "on-error", "s", "report");
    g_variant_dict_insert(&dict, "auto-finalize", "b", FALSE);
    g_variant_dict_insert(&dict, "auto-dismiss", "b", FALSE);
    return g_variant_dict_end(&dict);
}

/* The options the active layer was opened with: saying them again only flushes. */
static GVariant *
reopen_arguments(const Chain *chain)
{
    const Layer *top = chain_active(chain);
    g_autofree char *format = plan_format_node(top->index);
    g_autofree char *storage = plan_storage_node(top->index);
    GVariantDict options = G_VARIANT_DICT_INIT(NULL);
    GVariantBuilder list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("av"));
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    g_variant_dict_insert(&options, "driver", "s", top->format);
    g_variant_dict_insert(&options, "node-name", "s", format);
    g_variant_dict_insert(&options, "file", "s", storage);
    g_variant_dict_insert(&options, "read-only", "b", FALSE);
    if (chain_depth(chain) > 1) {
        g_autofree char *backing = plan_format_node(chain_layer(chain, 1)->index);

        g_variant_dict_insert(&options, "backing", "s", backing);
    } else if (g_strcmp0(top->format, "raw") != 0) {
        g_variant_dict_insert_value(
            &options, "backing", g_variant_new_maybe(G_VARIANT_TYPE_VARIANT, NULL));
    }

    g_variant_builder_add(&list, "v", g_variant_dict_end(&options));
    g_variant_dict_insert_value(&dict, "options", g_variant_builder_end(&list));
    return g_variant_dict_end(&dict);
}

static void
add_removals(Plan *plan, const Chain *chain, guint base)
{
    guint end = base != G_MAXUINT ? base : chain_depth(chain);

    for (guint i = 1; i < end; i++) {
        guint index = chain_layer(chain, i)->index;
        char *nodes[] = {plan_format_node(index), plan_storage_node(index)};

        for (guint n = 0; n < G_N_ELEMENTS(nodes); n++) {
            g_autofree char *name = nodes[n];

            add_step(plan,
                     STEP_COMMAND,
                     "blockdev-del",
                     g_variant_new_parsed("{'node-name': <%s>}", name))
                ->may_fail = TRUE;
        }
    }
}

static guint
bit(JobStatus status)
{
    return 1u << status;
}

Plan *
plan_pull(const PullRequest *request,
          const Chain *chain,
          const PeerCapabilities *capabilities,
          GError **error)
{
    g_autoptr(Plan) plan = NULL;
    g_autofree char *recorded_name = NULL;

    if (!check_pull(request, chain, capabilities, error))
        return NULL;
    if (request->base != G_MAXUINT) {
        recorded_name = find_recorded_name(request, chain, error);
        if (recorded_name == NULL)
            return NULL;
    }

    plan = g_new0(Plan, 1);
    plan->type = JOB_TYPE_PULL;
    plan->job_id = g_strdup(request->job_id);
    plan->base = request->base;
    plan->steps = g_ptr_array_new_with_free_func((GDestroyNotify)step_free);

    add_step(plan, STEP_JOB, "block-stream", stream_arguments(request, chain, recorded_name))
        ->until = bit(JOB_STATUS_PENDING);
    undo_by_cancel(plan, add_step(plan, STEP_COMMAND, "blockdev-reopen", reopen_arguments(chain)));
    add_id_step(plan, STEP_JOB, "job-finalize")->until = bit(JOB_STATUS_CONCLUDED);
    add_step(plan, STEP_RECORD, NULL, NULL);
    add_id_step(plan, STEP_COMMAND, "job-dismiss")->may_fail = TRUE;
    add_removals(plan, chain, request->base);

    plan->result = chain_without_between(chain, 0, request->base);
    g_free(chain_active(plan->result)->backing_name);
    chain_active(plan->result)->backing_name = g_strdup(recorded_name);
    return g_steal_pointer(&plan);
}

char *
plan_describe(const Plan *plan)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < plan->steps->len; i++) {
        const Step *step = g_ptr_array_index(plan->steps, i);
        g_autofree char *arguments = step->arguments != NULL
                                         ? g_variant_print(step->arguments, FALSE)
                                         : NULL;

        if (step->kind == STEP_RECORD)
            g_string_append(text, "record the outcome\n");
        else
            g_string_append_printf(text, "%s %s\n", step->command, arguments);
    }

    return g_string_free(text, FALSE);
}
