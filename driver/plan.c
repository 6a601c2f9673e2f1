/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Plans */

#include "driver/plan.h"

#include <string.h>

#include "api/vblk-error.h"
#include "qmp/value.h"

/* What the header of a qcow2 image has room for. */
#define RECORDED_NAME_MAX 1023

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

static void
add_member(GVariantBuilder *builder, const char *name, GVariant *value)
{
    g_variant_builder_add(builder, "{sv}", name, value);
}

static void
add_string(GVariantBuilder *builder, const char *name, const char *value)
{
    add_member(builder, name, g_variant_new_string(value));
}

static void
add_boolean(GVariantBuilder *builder, const char *name, gboolean value)
{
    add_member(builder, name, g_variant_new_boolean(value));
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

/* Every layer is opened by its path, so each must have one. */
static gboolean
check_layers(const PullRequest *request, const Chain *chain, GError **error)
{
    const Layer *top = chain_active(chain);

    for (guint i = 0; i < chain_depth(chain); i++) {
        const Layer *layer = chain_layer(chain, i);

        if (layer->kind != LAYER_FILE && layer->kind != LAYER_BLOCK)
            return refuse(error,
                          VBLK_ERROR_OPERATION_UNSUPPORTED,
                          "image '%s' of disk '%s' is no plain file or device: not supported yet",
                          layer->path,
                          request->target);
    }

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

/* The guest's data comes before the wish: where the peer is known to spoil it, it is not asked. */
static gboolean
check_sizes(const PullRequest *request,
            const Chain *chain,
            const PeerCapabilities *capabilities,
            GError **error)
{
    const Layer *base;

    if (request->base == G_MAXUINT || capabilities->can_drop_short_layers)
        return TRUE;

    base = chain_layer(chain, request->base);
    for (guint i = 1; i < request->base; i++) {
        const Layer *layer = chain_layer(chain, i);

        if (layer->virtual_size < base->virtual_size)
            return refuse(error,
                          VBLK_ERROR_OPERATION_UNSUPPORTED,
                          "image '%s' of disk '%s' has '%" G_GUINT64_FORMAT
                          "' bytes, its base '%s' has '%" G_GUINT64_FORMAT
                          "': QEMU would show the guest data of the base that was hidden",
                          layer->path,
                          request->target,
                          layer->virtual_size,
                          base->path,
                          base->virtual_size);
    }

    return TRUE;
}

static gboolean
check_pull(const PullRequest *request,
           const Chain *chain,
           const PeerCapabilities *capabilities,
           GError **error)
{
    if (chain_depth(chain) == 0)
        return refuse(
            error, VBLK_ERROR_OPERATION_INVALID, "disk '%s' has no medium", request->target);
    if (request->base == 0)
        return refuse(error,
                      VBLK_ERROR_INVALID_ARGUMENT,
                      "'%s' is the active layer of disk '%s' and cannot be the base as well",
                      chain_active(chain)->path,
                      request->target);
    if (request->base == G_MAXUINT && request->keeps_relative)
        return refuse(error,
                      VBLK_ERROR_INVALID_ARGUMENT,
                      "flag VIR_DOMAIN_BLOCK_REBASE_RELATIVE is valid only with non-null base");
    if (request->bandwidth_bps > G_MAXINT64)
        return refuse(error,
                      VBLK_ERROR_INVALID_ARGUMENT,
                      "bandwidth must be less than '%" G_GINT64_FORMAT "', not '%" G_GUINT64_FORMAT
                      "'",
                      G_MAXINT64,
                      request->bandwidth_bps);
    if (!capabilities->has_block_stream || !capabilities->has_auto_finalize ||
        !capabilities->has_reopen)
        return refuse(error,
                      VBLK_ERROR_CONFIG_UNSUPPORTED,
                      "the process that serves disk '%s' cannot pull safely: it lacks "
                      "block-stream, auto-finalize or blockdev-reopen",
                      request->target);

    return check_layers(request, chain, error) && check_sizes(request, chain, capabilities, error);
}

/* The name that the active layer will record for the base; to be freed. */
static char *
find_recorded_name(const PullRequest *request, const Chain *chain, GError **error)
{
    g_autofree char *name = NULL;

    if (request->keeps_relative)
        name = chain_relative_name(chain, 0, request->base);
    else
        name = g_strdup(chain_layer(chain, request->base)->path);

    if (name == NULL) {
        refuse(error,
               VBLK_ERROR_OPERATION_INVALID,
               "can't keep relative backing relationship of disk '%s'",
               request->target);
        return NULL;
    }
    if (strlen(name) > RECORDED_NAME_MAX) {
        refuse(error,
               VBLK_ERROR_OPERATION_UNSUPPORTED,
               "the name of the base of disk '%s' has '%zu' bytes: an image can record '%d'",
               request->target,
               strlen(name),
               RECORDED_NAME_MAX);
        return NULL;
    }

    return g_steal_pointer(&name);
}

static GVariant *
stream_arguments(const PullRequest *request, const Chain *chain, const char *recorded_name)
{
    g_autofree char *top = plan_format_node(chain_active(chain)->index);
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

    add_string(&builder, "job-id", request->job_id);
    add_string(&builder, "device", top);
    if (request->base != G_MAXUINT) {
        g_autofree char *base = plan_format_node(chain_layer(chain, request->base)->index);

        add_string(&builder, "base-node", base);
        add_string(&builder, "backing-file", recorded_name);
    }
    if (request->bandwidth_bps > 0)
        add_member(&builder, "speed", g_variant_new_int64((gint64)request->bandwidth_bps));
    add_string(&builder, "on-error", "report");
    add_boolean(&builder, "auto-finalize", FALSE);
    add_boolean(&builder, "auto-dismiss", FALSE);

    return g_variant_builder_end(&builder);
}

/*
 * The options the active layer was opened with: saying them again only flushes. What is left out
 * would go back to its default. The graph still has the old backing file.
 */
static GVariant *
reopen_arguments(const Chain *chain)
{
    const Layer *top = chain_active(chain);
    g_autofree char *format = plan_format_node(top->index);
    g_autofree char *storage = plan_storage_node(top->index);
    GVariantBuilder options = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    GVariantBuilder list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("av"));
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

    add_string(&options, "driver", top->format);
    add_string(&options, "node-name", format);
    add_string(&options, "file", storage);
    if (chain_depth(chain) > 1) {
        g_autofree char *backing = plan_format_node(chain_layer(chain, 1)->index);

        add_string(&options, "backing", backing);
    } else if (g_strcmp0(top->format, "raw") != 0) {
        add_member(&options, "backing", g_variant_new_maybe(G_VARIANT_TYPE_VARIANT, NULL));
    }
    add_boolean(&options, "read-only", FALSE);

    g_variant_builder_add(&list, "v", g_variant_builder_end(&options));
    add_member(&builder, "options", g_variant_builder_end(&list));

    return g_variant_builder_end(&builder);
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

static void
add_pull_steps(Plan *plan, const PullRequest *request, const Chain *chain, const char *name)
{
    Step *step;

    step = add_step(plan, STEP_JOB, "block-stream", stream_arguments(request, chain, name));
    step->until = 1u << JOB_STATUS_PENDING;

    step = add_step(plan, STEP_COMMAND, "blockdev-reopen", reopen_arguments(chain));
    undo_by_cancel(plan, step);

    step = add_id_step(plan, STEP_JOB, "job-finalize");
    step->until = 1u << JOB_STATUS_CONCLUDED;
    undo_by_cancel(plan, step);

    add_step(plan, STEP_RECORD, NULL, NULL);
    add_id_step(plan, STEP_COMMAND, "job-dismiss")->may_fail = TRUE;
    add_removals(plan, chain, request->base);
}

Plan *
plan_pull(const PullRequest *request,
          const Chain *chain,
          const PeerCapabilities *capabilities,
          GError **error)
{
    g_autoptr(Plan) plan = NULL;
    g_autofree char *recorded_name = NULL;
    Layer *active;

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
    plan->keeps_relative = request->keeps_relative;
    plan->steps = g_ptr_array_new_with_free_func((GDestroyNotify)step_free);
    add_pull_steps(plan, request, chain, recorded_name);

    plan->result = chain_without_between(chain, 0, request->base);
    active = chain_active(plan->result);
    g_free(active->backing_name);
    active->backing_name = g_steal_pointer(&recorded_name);

    return g_steal_pointer(&plan);
}

/* Plain words as they are, all else as JSON: what a file name holds must not pass for our text. */
static void
describe_value(GString *text, GVariant *value)
{
    static const char plain[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_./";
    const char *word = g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)
                           ? g_variant_get_string(value, NULL)
                           : "";
    g_autofree char *json = qmp_value_format(value);

    g_string_append(text, word[0] != '\0' && word[strspn(word, plain)] == '\0' ? word : json);
}

static void
describe_command(GString *text, const char *command, GVariant *arguments)
{
    GVariantIter iter;
    const char *name;
    GVariant *value;

    g_string_append(text, command);
    g_variant_iter_init(&iter, arguments);
    while (g_variant_iter_loop(&iter, "{&sv}", &name, &value)) {
        g_string_append_printf(text, " %s=", name);
        describe_value(text, value);
    }
}

static void
describe_until(GString *text, guint until)
{
    const char *word = " until ";

    for (guint status = 0; status < N_JOB_STATUSES; status++) {
        if ((until & (1u << status)) != 0) {
            g_string_append_printf(text, "%s%s", word, job_status_name((JobStatus)status));
            word = " or ";
        }
    }
}

char *
plan_describe(const Plan *plan)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < plan->steps->len; i++) {
        const Step *step = g_ptr_array_index(plan->steps, i);

        if (step->kind == STEP_RECORD) {
            g_string_append(text, "record the outcome\n");
            continue;
        }

        describe_command(text, step->command, step->arguments);
        describe_until(text, step->until);
        g_string_append_c(text, '\n');
    }

    return g_string_free(text, FALSE);
}
