//! `strftime` of a given moment, in English and without a time zone.

use super::ChatError;
use minijinja::{Error, ErrorKind};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A second of the calendar, for templates that write the date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
}

impl Moment {
    /// The beginning of a day, `2026-11-22`; years from 1000 to 9999.
    ///
    /// # Errors
    /// A text of another form, or a day that is in no calendar.
    pub fn day(text: &str) -> Result<Moment, ChatError> {
        let refuse = || ChatError::Date(text.to_owned());
        let parts = text.split('-').map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>().ok_or_else(refuse)?;
        let &[year, month, day] = parts.as_slice() else { return Err(refuse()) };
        let sound =
            (1000..=9999).contains(&year) && (1..=12).contains(&month) && (1..=length(year, month)).contains(&day);
        if sound { Ok(Moment { year, month, day, hour: 0, minute: 0, second: 0 }) } else { Err(refuse()) }
    }

    /// The same day at another time.
    ///
    /// # Errors
    /// A time that no day has.
    pub fn time(self, hour: u32, minute: u32, second: u32) -> Result<Moment, ChatError> {
        if hour < 24 && minute < 60 && second < 60 {
            Ok(Moment { hour, minute, second, ..self })
        } else {
            Err(ChatError::Date(format!("{hour}:{minute}:{second}")))
        }
    }

    /// Python's `strftime`, as far as templates use it.
    pub(super) fn strftime(&self, format: &str) -> Result<String, Error> {
        let mut written = String::new();
        let mut letters = format.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                written.push(letter);
                continue;
            }
            let directive = letters.next().unwrap_or('%');
            written.push_str(&self.part(directive).ok_or_else(|| {
                Error::new(ErrorKind::InvalidOperation, format!("strftime_now: %{directive} is not known"))
            })?);
        }
        Ok(written)
    }

    fn part(&self, directive: char) -> Option<String> {
        let (month, weekday) = (MONTHS[self.month as usize - 1], DAYS[self.weekday() as usize]);
        Some(match directive {
            'Y' => self.year.to_string(),
            'y' => format!("{:02}", self.year % 100),
            'm' => format!("{:02}", self.month),
            'd' => format!("{:02}", self.day),
            'e' => format!("{:2}", self.day),
            'j' => format!("{:03}", self.day_of_year()),
            'H' => format!("{:02}", self.hour),
            'I' => format!("{:02}", (self.hour + 11) % 12 + 1),
            'M' => format!("{:02}", self.minute),
            'S' => format!("{:02}", self.second),
            'p' => if self.hour < 12 { "AM" } else { "PM" }.to_owned(),
            'B' => month.to_owned(),
            'b' | 'h' => month[..3].to_owned(),
            'A' => weekday.to_owned(),
            'a' => weekday[..3].to_owned(),
            'F' => format!("{}-{:02}-{:02}", self.year, self.month, self.day),
            'T' => format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second),
            '%' => "%".to_owned(),
            _ => return None,
        })
    }

    fn day_of_year(&self) -> u32 {
        (1..self.month).map(|month| length(self.year, month)).sum::<u32>() + self.day
    }

    /// Days after Monday. The first of January of year 1 was one, in the calendar carried back.
    fn weekday(&self) -> u32 {
        let before = self.year - 1;
        (before * 365 + before / 4 - before / 100 + before / 400 + self.day_of_year() - 1) % 7
    }
}

/// Days of a month.
fn length(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_python_writes_them() {
        let moment = Moment::day("2024-12-31").and_then(|day| day.time(13, 5, 9)).unwrap();
        let written = moment.strftime("%a %A %d %b %B %Y %y %j %H %I %p %M:%S %F %T 100%%").unwrap();
        assert_eq!(written, "Tue Tuesday 31 Dec December 2024 24 366 13 01 PM 05:09 2024-12-31 13:05:09 100%");
        assert!(moment.strftime("%Q").is_err());
    }

    #[test]
    fn days_that_are_in_no_calendar_are_refused() {
        for text in ["2023-02-29", "2024-13-01", "2024-00-10", "2024-1", "x", "1900-02-29"] {
            assert!(Moment::day(text).is_err(), "{text}");
        }
        assert!(Moment::day("2000-02-29").is_ok());
    }
}
