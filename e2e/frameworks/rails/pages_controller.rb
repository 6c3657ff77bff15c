class PagesController < ApplicationController
  before_action(only: :inner) { head :unauthorized unless current_user }

  def page = render("pages/page")
  def inner = render("pages/page")
  def staff = head(:forbidden)

  def note
    session[:note] = params[:note]
    redirect_to "#{request.base_url}/dashboard"
  end
end
