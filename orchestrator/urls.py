"""Every address of the site. What the desk itself answers is in its own file."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from approvals.forms import SignInForm

handler400 = "approvals.views.errors.unreadable"
handler500 = "approvals.views.errors.broken"

urlpatterns = [
    path("", include("approvals.urls")),
    path(
        "accounts/login/",
        LoginView.as_view(
            authentication_form=SignInForm,
            redirect_authenticated_user=True,
            extra_context={"session_hours": settings.SESSION_COOKIE_AGE // 3600},
        ),
        name="login",
    ),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
