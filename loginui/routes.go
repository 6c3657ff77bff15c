package loginui

func (ui *UI) addRoutes() {
	ui.routes = map[string]methods{
		ui.c.Prefix + "/login":    {"GET": ui.getLogin, "POST": ui.withPasswords(ui.postLogin)},
		ui.c.Prefix + codePath:    {"GET": ui.getCode, "POST": ui.postCode},
		ui.c.Prefix + "/signup":   {"GET": ui.getSignup, "POST": ui.withPasswords(ui.postSignup)},
		ui.c.Prefix + "/register": {"GET": ui.getRegister},
		ui.c.Prefix + "/logout":   {"GET": ui.getLogout, "POST": ui.postLogout},
		ui.c.Prefix + resetPath: {"GET": ui.opened(resetPath, ui.getReset),
			"POST": ui.withPasswords(ui.postReset)},
		ui.c.Prefix + invitePath: {"GET": ui.opened(invitePath, ui.getInvitation),
			"POST": ui.withPasswords(ui.postInvitation)},
		ui.c.Prefix + connectPath: {"GET": ui.getConnect, "POST": ui.postConnect},
		"/.gatepost/healthz":      {"GET": getHealth},
		forgetPath:                {"GET": getForget},
		arrivePath:                {"GET": ui.getArrive},
		languagePath:              {"GET": ui.getLanguage},
	}
	for _, path := range ui.c.LogoutPaths {
		ui.routes[path] = ui.routes[ui.c.Prefix+"/logout"]
	}
	if !ui.c.PasswordsOff {
		ui.routes[changePasswordPath] = methods{"GET": ui.getChangePassword}
	}
	ui.addAccountRoutes()
	mail := func(path string, get, post page) {
		ui.routes[ui.c.Prefix+path] = methods{"GET": ui.withMail(get), "POST": ui.withMail(post)}
	}
	mail(forgotPath, ui.withPasswords(ui.getForgot), ui.withPasswords(ui.postForgot))
	mail(verifyPath, ui.opened(verifyPath, ui.getVerify), ui.postVerify)
	mail("/account/verify", ui.getBack, ui.postRequestVerification)
	mail(addressPath, ui.afterFactor(ui.getAddress), ui.postAddress)
	mail(changePath, ui.opened(changePath, ui.getChange), ui.postChange)
	mail(undoPath, ui.opened(undoPath, ui.getUndo), ui.postUndo)
	mail(connectMailPath, ui.getBackToLogin, ui.postConnectMail)
	mail(linkingPath, ui.opened(linkingPath, ui.getLinking), ui.postLinking)
	mail(provePath, ui.opened(provePath, ui.getProve), ui.postProve)
	mail(proveMailPath, ui.getBack, ui.postProveMail)
	mail("/account/password/mail", ui.getBack, ui.withPasswords(ui.postPasswordMail))
}

func (ui *UI) addAccountRoutes() {
	account := func(path string, m methods) { ui.routes[ui.c.Prefix+path] = m }
	account("/account", methods{"GET": ui.getAccount})
	account("/account/name", methods{"GET": ui.getName, "POST": ui.postName})
	if ui.c.UsernamesChosen {
		account(usernamePath, methods{"GET": ui.getUsername, "POST": ui.postUsername})
	}
	account("/account/password", methods{"GET": ui.withPasswords(ui.getPassword),
		"POST": ui.withPasswords(ui.postPassword)})
	account(deletePath, methods{"GET": ui.afterFactor(ui.getDelete), "POST": ui.postDelete})
	account(takenPath, methods{"GET": ui.getTaken})
	ui.addFactorRoutes(account)
	ui.addPasskeyRoutes(account)
	ui.addTokenRoutes(account)
	account(stepUpPath, methods{"GET": ui.getStepUp, "POST": ui.postStepUp})
	for path, do := range map[string]deed{"/account/sessions/end": ui.postEndSession,
		"/account/sessions/end-others": ui.postEndOthers, "/account/export": ui.postExport,
		disconnectPath: ui.postDisconnect} {
		account(path, methods{"GET": ui.getBack, "POST": ui.confirmed(path, do)})
	}
}
