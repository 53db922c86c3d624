"""All routes of the panel. tests/test_isolation.py holds each of them to who may see what."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularSwaggerSplitView

from accounts import api as accounts_api
from accounts import views as accounts_views
from alerts import invitations, preferences
from alerts.api import alerts as alerts_api
from alerts.api import channels as alert_channels_api
from alerts.api import preferences as alert_preferences_api
from alerts.api import rules as alert_rules_api
from alerts.api import told as alert_told_api
from alerts.views import acting as alert_acting
from alerts.views import channels as alert_channels
from alerts.views import detail as alert_detail
from alerts.views import links as alert_links_views
from alerts.views import listing as alert_listing
from alerts.views import preferences as alert_preferences
from alerts.views import rule_page as alert_rule_page
from alerts.views import rules as alert_rules
from alerts.views import server as alert_server
from monitoring import api as monitoring_api
from monitoring import backtest, rule_api
from monitoring.views import metrics as metrics_view
from monitoring.views import sparklines as sparklines_view
from panel import failures, health, pages, timeline
from panel.api import not_found
from panel.docs import EnglishDocument, api_docs
from panel.first_run import key
from panel.first_run import views as first_run
from panel.metrics import views as metrics
from servers import live
from servers.api import actions as actions_api
from servers.api import console as console_api
from servers.api import console_requests as console_requests_api
from servers.api import servers as servers_api
from servers.views import actions as actions_views
from servers.views import console as console_views
from servers.views import console_requests as console_requests_views
from servers.views import controls as controls_views
from servers.views import history as history_views
from servers.views import password as password_views
from servers.views import servers as servers_views
from servers.views import settings as settings_views
from servers.views.safety import Safety
from snapshots import api as snapshots_api
from snapshots import flow, offers
from snapshots.views import changes as snapshot_changes
from snapshots.views import page as snapshots_views
from snapshots.views import schedules as schedules_views

trying = {"try_rule": backtest.try_rule}
told = {"happenings": timeline.happenings}
safety = {"safety": Safety(prelude=offers.before, refused=offers.safety_refused)}

api = [
    path("auth/token/", accounts_api.TokenView.as_view(), name="auth-token"),
    path("auth/token/refresh/", accounts_api.RefreshView.as_view(), name="auth-refresh"),
    path(
        "auth/logout/", accounts_api.LogoutView.as_view(tell=live.signed_out), name="auth-logout"
    ),
    path("servers/", servers_api.ServerList.as_view(), name="servers"),
    path("servers/<int:pk>/", servers_api.ServerDetail.as_view(), name="server"),
    path(
        "servers/<int:pk>/actions/",
        actions_api.ServerActions.as_view(prelude=flow.prelude),
        name="server-actions",
    ),
    path(
        "servers/<int:pk>/password/",
        actions_api.ServerPassword.as_view(prelude=flow.prelude),
        name="server-password",
    ),
    path(
        "servers/<int:pk>/snapshots/",
        snapshots_api.ServerSnapshotList.as_view(),
        name="server-snapshots",
    ),
    path(
        "servers/<int:pk>/snapshot-abilities/",
        snapshots_api.ServerSnapshotAbilities.as_view(),
        name="server-snapshot-abilities",
    ),
    path(
        "servers/<int:pk>/snapshot-schedules/",
        snapshots_api.ServerSchedules.as_view(),
        name="server-snapshot-schedules",
    ),
    path(
        "servers/<int:pk>/snapshot-schedules/<str:kind>/",
        snapshots_api.ServerSchedule.as_view(),
        name="server-snapshot-schedule",
    ),
    path("snapshots/<int:pk>/", snapshots_api.SnapshotDetail.as_view(), name="snapshot"),
    path(
        "snapshots/<int:pk>/rollback/",
        snapshots_api.SnapshotRollBack.as_view(),
        name="snapshot-rollback",
    ),
    path("actions/", actions_api.ActionList.as_view(), name="actions"),
    path("actions/<int:pk>/", actions_api.ActionDetail.as_view(), name="action"),
    path("servers/<int:pk>/console/", console_api.ServerConsole.as_view(), name="server-console"),
    path(
        "servers/<int:pk>/console-requests/",
        console_requests_api.ServerConsoleRequests.as_view(),
        name="server-console-requests",
    ),
    path(
        "console-requests/<int:pk>/",
        console_requests_api.ConsoleRequestAnswer.as_view(),
        name="console-request",
    ),
    path(
        "servers/<int:pk>/metrics/", monitoring_api.ServerMetrics.as_view(), name="server-metrics"
    ),
    path("servers/<int:pk>/events/", timeline.ServerEvents.as_view(), name="server-events"),
    path("alerts/", alerts_api.AlertList.as_view(), name="alerts"),
    path("alerts/<int:pk>/", alerts_api.AlertDetail.as_view(), name="alert"),
    path(
        "alerts/<int:pk>/acknowledge/",
        alerts_api.AlertAcknowledgement.as_view(),
        name="alert-acknowledge",
    ),
    path(
        "alerts/<int:pk>/explanation/",
        alerts_api.AlertExplanation.as_view(),
        name="alert-explanation",
    ),
    path("alert-rules/", alert_rules_api.RuleList.as_view(), name="alert-rules"),
    path("alert-rules/preview/", rule_api.RulePreview.as_view(), name="alert-rule-preview"),
    path("alert-rules/<int:pk>/", alert_rules_api.RuleDetail.as_view(), name="alert-rule"),
    path(
        "alert-rules/<int:pk>/explanation/",
        alert_rules_api.RuleExplanation.as_view(),
        name="alert-rule-explanation",
    ),
    path(
        "servers/<int:pk>/alert-rules/",
        alert_rules_api.ServerRules.as_view(),
        name="server-alert-rules",
    ),
    path("alert-mutes/", alerts_api.MuteList.as_view(), name="alert-mutes"),
    path("alert-mutes/<int:pk>/", alerts_api.MuteDetail.as_view(), name="alert-mute"),
    path(
        "alert-preferences/",
        alert_preferences_api.Preferences.as_view(),
        name="alert-preferences",
    ),
    path(
        "notification-channels/",
        alert_channels_api.ChannelList.as_view(),
        name="notification-channels",
    ),
    path(
        "notification-channels/<int:pk>/",
        alert_channels_api.ChannelDetail.as_view(),
        name="notification-channel",
    ),
    path(
        "notification-channels/<int:pk>/test/",
        alert_channels_api.ChannelTest.as_view(),
        name="notification-channel-test",
    ),
    path(
        "notification-channels/<int:pk>/confirmation/",
        alert_channels_api.ChannelConfirmation.as_view(),
        name="notification-channel-confirmation",
    ),
    path(
        "notification-channels/<int:pk>/secret/",
        alert_channels_api.ChannelKey.as_view(),
        name="notification-channel-secret",
    ),
    path("notifications/", alert_told_api.NotificationList.as_view(), name="notifications"),
    path(
        "notifications/<int:pk>/",
        alert_told_api.NotificationDetail.as_view(),
        name="notification",
    ),
    path("schema/", EnglishDocument.as_view(), name="schema"),
    path("docs/", api_docs(SpectacularSwaggerSplitView), name="docs"),
    re_path("", not_found, name="unknown"),
]

handler400 = failures.bad_request
handler404 = failures.page_not_found
handler500 = failures.server_error

urlpatterns = [
    path("language/", set_language, name="set-language"),
    path("", servers_views.server_list, name="server-list"),
    path("servers/view/", servers_views.server_list_view, name="server-list-view"),
    path("servers/sparklines/", sparklines_view.sparklines, name="sparklines"),
    path("servers/<int:pk>/", servers_views.server_detail, name="server-detail"),
    path("servers/<int:pk>/metrics/", metrics_view.server_metrics, told, name="server-metrics"),
    path("servers/<int:pk>/metrics.csv", metrics_view.metrics_csv, name="server-metrics-csv"),
    path("servers/<int:pk>/controls/", controls_views.server_controls, name="server-controls"),
    path("servers/<int:pk>/actions/", actions_views.server_actions, safety, name="server-actions"),
    path("servers/<int:pk>/history/", history_views.server_history, name="server-history"),
    path(
        "servers/<int:pk>/password/",
        password_views.server_password,
        safety,
        name="server-password",
    ),
    path("servers/<int:pk>/snapshots/", snapshots_views.server_snapshots, name="server-snapshots"),
    path(
        "servers/<int:pk>/snapshots/pieces/",
        snapshots_views.server_snapshot_pieces,
        name="server-snapshot-pieces",
    ),
    path(
        "servers/<int:pk>/snapshots/new/",
        snapshot_changes.server_snapshot_new,
        name="server-snapshot-new",
    ),
    path(
        "servers/<int:pk>/snapshots/<int:snapshot_pk>/rollback/",
        snapshot_changes.server_snapshot_roll_back,
        name="server-snapshot-roll-back",
    ),
    path(
        "servers/<int:pk>/snapshots/<int:snapshot_pk>/delete/",
        snapshot_changes.server_snapshot_delete,
        name="server-snapshot-delete",
    ),
    path(
        "servers/<int:pk>/snapshots/schedules/",
        schedules_views.server_snapshot_schedules,
        name="server-snapshot-schedules",
    ),
    path(
        "servers/<int:pk>/snapshots/schedules/<str:kind>/",
        schedules_views.server_snapshot_schedule,
        name="server-snapshot-schedule",
    ),
    path("servers/<int:pk>/settings/", settings_views.server_settings, name="server-settings"),
    path("servers/<int:pk>/delete/", settings_views.server_delete, name="server-delete"),
    path("servers/<int:pk>/console/", console_views.server_console, name="server-console"),
    path(
        "servers/<int:pk>/console/requests/",
        console_requests_views.server_console_requests,
        name="server-console-requests",
    ),
    path(
        "servers/<int:pk>/console/requests/<int:request_pk>/",
        console_requests_views.server_console_request,
        name="server-console-request",
    ),
    path("console/", console_views.ticket_console, name="console"),
    path("alerts/", alert_listing.alert_list, name="alerts"),
    path("alerts/badge/", alert_listing.alert_badge, name="alert-badge"),
    path("alerts/<int:pk>/", alert_detail.alert_detail, name="alert"),
    path("alerts/<int:pk>/acknowledge/", alert_acting.alert_acknowledge, name="alert-acknowledge"),
    path("alerts/mutes/", alert_acting.alert_mute, name="alert-mute"),
    path("alerts/mutes/<int:pk>/", alert_acting.alert_unmute, name="alert-unmute"),
    path("alerts/rules/", alert_rules.rule_list, name="alert-rules"),
    path("alerts/rules/new/", alert_rule_page.rule_new, trying, name="alert-rule-new"),
    path("alerts/rules/<int:pk>/", alert_rule_page.rule_detail, trying, name="alert-rule"),
    path("alerts/rules/<int:pk>/switch/", alert_rules.rule_switch, name="alert-rule-switch"),
    path("alerts/rules/<int:pk>/delete/", alert_rules.rule_delete, name="alert-rule-delete"),
    path("alerts/channels/", alert_channels.channel_list, name="alert-channels"),
    path("alerts/channels/new/<str:kind>/", alert_channels.channel_new, name="alert-channel-new"),
    path("alerts/channels/<int:pk>/", alert_channels.channel_detail, name="alert-channel"),
    path("alerts/tests/<int:pk>/", alert_channels.channel_test, name="alert-test"),
    path("alerts/preferences/", alert_preferences.alert_preferences, name="alert-preferences"),
    path("servers/<int:pk>/alerts/", alert_server.server_alerts, name="server-alerts"),
    path("alerts/link/<str:token>/", alert_links_views.alert_link, name="alert-link"),
    path(
        "account/",
        accounts_views.account,
        {"clock_changed": preferences.clock_changed},
        name="account",
    ),
    path("account/theme/", accounts_views.account_theme, name="account-theme"),
    path(
        "account/password/",
        accounts_views.account_password,
        {"tell": live.signed_out},
        name="account-password",
    ),
    path(
        "account/sessions/<uuid:session>/end/",
        accounts_views.account_session_end,
        {"tell": live.signed_out},
        name="account-session-end",
    ),
    path(
        "people/<int:pk>/invitation/",
        accounts_views.person_invite,
        {"invite": invitations.invite},
        name="person-invite",
    ),
    path("acting/begin/", accounts_views.BeginActing.as_view(), name="acting-begin"),
    path("acting/end/", accounts_views.EndActing.as_view(tell=live.signed_out), name="acting-end"),
    path(
        "password/forgotten/",
        accounts_views.password_forgotten,
        {"send": invitations.send_password_link},
        name="password-forgotten",
    ),
    path(
        "password/set/<str:uidb64>/<str:token>/",
        accounts_views.PasswordSetView.as_view(tell=live.signed_out),
        name="password-set",
    ),
    path("brand.css", pages.brand_sheet, name="brand-sheet"),
    path("brand/logo", pages.brand_logo, name="brand-logo"),
    path("brand/attention", pages.brand_attention, name="brand-attention"),
    path("setup/", first_run.setup, name="setup"),
    path("setup/begin/<str:key_text>/", first_run.setup_begin, name="setup-begin"),
    path("setup/cluster/", first_run.setup_cluster, name="setup-cluster"),
    path("setup/servers/", first_run.setup_servers, name="setup-servers"),
    path("setup/mail/", first_run.setup_mail, name="setup-mail"),
    path("setup/customer/", first_run.setup_customer, name="setup-customer"),
    path(
        "sign-in/",
        accounts_views.SignInView.as_view(is_first_run=key.is_first_run),
        name="sign-in",
    ),
    path("sign-out/", accounts_views.SignOutView.as_view(tell=live.signed_out), name="sign-out"),
    path("api/v1/", include((api, "api"))),
    path("admin/", admin.site.urls),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics.metrics, name="metrics"),
]
