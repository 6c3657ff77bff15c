from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required, permission_required
from django.shortcuts import redirect, render
from django.urls import path


def page(request):
    return render(request, "page.html", {"users": get_user_model().objects.count()})


def note(request):
    request.session["note"] = request.POST["note"]
    return redirect(request.build_absolute_uri("/dashboard"))


urlpatterns = [
    path("", page),
    path("dashboard", page),
    path("inner", login_required(page)),
    path("staff", permission_required("auth.add_user", raise_exception=True)(page)),
    path("note", note),
]
