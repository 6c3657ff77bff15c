Rails.application.routes.draw do
  root "pages#page"
  get "dashboard", to: "pages#page"
  get "inner", to: "pages#inner"
  get "staff", to: "pages#staff"
  post "note", to: "pages#note"
end
